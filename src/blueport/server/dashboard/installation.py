"""What a server is started with, as its operator may read it on a page: no secret, only whether there is one."""

from typing import NamedTuple

from blueport.server.settings import Settings, is_postgres, words_in


class Fact(NamedTuple):
    """What is set, to what, and by which variable."""

    name: str
    value: str
    variable: str


class Facts(NamedTuple):
    """Facts about one thing."""

    about: str
    facts: tuple[Fact, ...]


def facts_of(settings: Settings) -> tuple[Facts, ...]:
    """Return what may be told of *settings*."""
    return (
        Facts("Server", _server(settings)),
        Facts("What is kept", _kept(settings)),
        Facts("Limits", _limits(settings)),
        Facts("Webhooks", _webhooks(settings)),
        Facts("Who gets in", _doors(settings)),
    )


def _server(settings: Settings) -> tuple[Fact, ...]:
    roles = {"api": "api: answers requests and Macs", "worker": "worker: delivers to webhooks and sweeps"}
    return (
        Fact("Role", roles.get(settings.role, "all: answers requests and Macs, delivers and sweeps"), "BLUEPORT_ROLE"),
        Fact(
            "Public URL", settings.public_url or f"not set; it is taken for {settings.own_url}", "BLUEPORT_PUBLIC_URL"
        ),
        Fact("Numbers without a country code", f"are read as numbers of {settings.region}", "BLUEPORT_REGION"),
    )


def _kept(settings: Settings) -> tuple[Fact, ...]:
    files = "in S3" if settings.files.startswith("s3://") else "in a folder"
    return (
        Fact("Database", "PostgreSQL" if is_postgres(settings.database) else "SQLite, a file", "BLUEPORT_DATABASE"),
        Fact("Files", files, "BLUEPORT_FILES"),
        Fact(
            "Secrets of webhooks",
            "are sealed" if settings.secrets_key else "are kept as they are: who reads the database reads them",
            "BLUEPORT_SECRETS_KEY",
        ),
    )


def _limits(settings: Settings) -> tuple[Fact, ...]:
    return (
        Fact("Requests an hour, a key", f"{settings.hourly_limit:,}", "BLUEPORT_HOURLY_LIMIT"),
        Fact("Requests at a time", f"{settings.max_in_flight:,}", "BLUEPORT_MAX_IN_FLIGHT"),
        Fact("Messages an hour, a line", _or_none(settings.line_hourly_limit), "BLUEPORT_LINE_HOURLY_LIMIT"),
        Fact("Sandbox messages a day, an account", f"{settings.sandbox_daily_limit:,}", "BLUEPORT_SANDBOX_DAILY_LIMIT"),
        Fact("Tries to send a message", f"{settings.max_attempts:,}", "BLUEPORT_MAX_ATTEMPTS"),
        Fact("A Mac that was silent loses its work after", f"{settings.lease_s:,} seconds", "BLUEPORT_LEASE_S"),
    )


def _webhooks(settings: Settings) -> tuple[Fact, ...]:
    metadata = "may be reached where the list above leads there" if settings.webhook_allow_metadata else "never"
    return (
        Fact("A try may take", f"{settings.webhook_timeout_s:g} seconds", "BLUEPORT_WEBHOOK_TIMEOUT_S"),
        Fact(
            "May reach, beside public hosts",
            _listed(settings.webhook_allow) or "nothing",
            "BLUEPORT_WEBHOOK_ALLOW",
        ),
        Fact("Addresses of cloud metadata", metadata, "BLUEPORT_WEBHOOK_ALLOW_METADATA"),
    )


def _doors(settings: Settings) -> tuple[Fact, ...]:
    return (
        Fact("Proxies that are believed", _listed(settings.trusted_proxies) or "none", "BLUEPORT_TRUSTED_PROXIES"),
        Fact(
            "/metrics",
            "takes a token" if settings.metrics_token else "is open to everybody who reaches this server",
            "BLUEPORT_METRICS_TOKEN",
        ),
        Fact(
            "The dashboard",
            "takes a token too" if settings.dashboard_token else "takes no token",
            "BLUEPORT_DASHBOARD_TOKEN",
        ),
    )


def _listed(words: str) -> str:
    return ", ".join(words_in(words))


def _or_none(limit: int) -> str:
    return f"{limit:,}" if limit else "no limit"
