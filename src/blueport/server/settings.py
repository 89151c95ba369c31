"""What an operator of the server may change."""

import re
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Role = Literal["api", "worker", "all"]
# What accounts may set too.
PaceMs = Annotated[int, Meta(ge=0, le=3_600_000)]
PaceBurst = Annotated[int, Meta(ge=1, le=1_000)]
LoopLimit = Annotated[int, Meta(ge=0, le=1_000)]
LoopWindowS = Annotated[int, Meta(ge=1, le=3_600)]
LoopPauseS = Annotated[int, Meta(ge=1, le=86_400)]

_POSTGRES = re.compile(r"(postgres(?:ql)?://)(?:([^:@/?#]*)(?::[^@/?#]*)?@)?([^@/?#]*(?:/[^@/?#]*)?)(?:[?#][^@]*)?")


LONGEST_TRY_S = 300


def words_in(listed: str) -> list[str]:
    """Return what stands between the commas of a setting, but for what is empty."""
    return [word for part in listed.split(",") if (word := part.strip())]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Read once, by the command line: `BLUEPORT_LEASE_S=30` sets `lease_s`."""

    # A PostgreSQL's URL (`postgresql://user:password@host/name`), or the path of a file.
    database: str = "blueport.db"
    # The same PostgreSQL without the pooler that `database` leads through: hints come over it, else all poll.
    database_direct: str | None = None
    # How many connections a process may have to PostgreSQL.
    database_connections: Annotated[int, Meta(ge=2)] = 10
    # `api` answers requests and daemons, `worker` delivers to webhooks and sweeps, `all` does both.
    role: Role = "all"
    # How long what runs may take to end when the server is told to.
    grace_s: Annotated[float, Meta(ge=0)] = 10
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8080
    # A daemon renews at a third of this; a claim that is not renewed is offered again after it.
    lease_s: Annotated[int, Meta(ge=1)] = 60
    max_attempts: Annotated[int, Meta(ge=1)] = 5
    # Requests an hour under one key, unless the key has a limit of its own.
    hourly_limit: Annotated[int, Meta(ge=1)] = 1000
    # Requests that are answered at a time; one more is told to come again. Daemons that wait for work do not count, and
    # of those who follow events there may be as many again.
    max_in_flight: Annotated[int, Meta(ge=1)] = 1000
    # How long a stream of events may be silent: proxies hang up on who says nothing for longer.
    keep_alive_s: Annotated[float, Meta(gt=0)] = 15
    # How long a try of a delivery may take; what a process was trying that died may have to wait for twice as long.
    webhook_timeout_s: Annotated[float, Meta(gt=0, le=LONGEST_TRY_S)] = 15
    # Comma-separated hosts and networks that webhooks may reach although they are not public.
    webhook_allow: str = ""
    # What is in `webhook_allow`, or leads there, is refused all the same where a cloud tells its machines their secrets
    # (169.254.169.254 and its like): whoever reads an answer of it could take over the machine. This lifts that.
    webhook_allow_metadata: bool = False
    # Where others reach this server, as in `https://imessage.example.com`: links to files begin with it.
    public_url: Annotated[str, Meta(pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$")] | None = None
    # Comma-separated addresses and networks of proxies: their X-Forwarded-For and X-Forwarded-Proto are believed.
    trusted_proxies: str = ""
    # Where the bytes of files are kept: a folder (`files` beside the database if none is named), or `s3://bucket/prefix`.
    files: str = ""
    s3_endpoint: str | None = None
    s3_region: str | None = None
    s3_access_key_id: str | None = None
    s3_secret_access_key: str | None = None
    # What secrets of webhooks are sealed under in the database: one key of 32 bytes in base64, or several with commas
    # between them. The first seals, all open; without one secrets are kept as they are.
    secrets_key: str | None = None
    # Lets in, as the operator, whoever opens /dashboard?token=... with it; without one that is no way in.
    dashboard_token: str | None = None
    # What Prometheus has to show for /metrics, as a bearer token; without one the page is open.
    metrics_token: str | None = None
    # What has to be shown for /inspect, which tells all of a conversation; without one there is no such path.
    inspect_token: str | None = None
    # How many of its latest requests to the API, and what was answered, a process keeps in memory for /inspect.
    requests_kept: Annotated[int, Meta(ge=0, le=10_000)] = 0
    # ISO 3166 code: numbers without a country code are read as this country's.
    region: Annotated[str, Meta(pattern="^[A-Z]{2}$")] = "US"
    # Made at the start if there is no account yet, so that a fresh installation can be used at once.
    first_key: str | None = None
    first_line: str | None = None
    first_daemon_token: str | None = None
    # Whose the first account is; an account without an owner cannot use the sandbox.
    first_owner: str = "operator"
    # A line that all accounts share, made at the start if there is none yet, and served by the first daemon.
    sandbox_line: str | None = None
    # Messages and audio messages of an account there, until midnight UTC.
    sandbox_daily_limit: Annotated[int, Meta(ge=0)] = 50
    # For accounts that set nothing else. A line's messages are `pace_ms` apart, but for `pace_burst` after a rest.
    # A chat in which both sides said `loop_limit` messages within `loop_window_s` is written to no more for
    # `loop_pause_s`. 0 of `pace_ms` and of `loop_limit` is no pace, and no guard.
    pace_ms: PaceMs = 1_000
    pace_burst: PaceBurst = 5
    loop_limit: LoopLimit = 20
    loop_window_s: LoopWindowS = 120
    loop_pause_s: LoopPauseS = 600
    # What a line may send in any hour, whatever its account has set: about 200 got one blocked by Apple. A quarter may
    # go at once after a rest, what is more waits. 0: no limit.
    line_hourly_limit: Annotated[int, Meta(ge=0, le=100_000)] = 150

    @property
    def folder(self) -> Path:
        """Where files are kept, unless they are told elsewhere: beside the database, or here."""
        return Path() if is_postgres(self.database) else Path(self.database).expanduser().parent

    @property
    def own_url(self) -> str:
        """Where this server is reached: by others, if that is set, else where it listens."""
        if self.public_url is not None:
            return self.public_url
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def is_postgres(database: str) -> bool:
    """Tell whether *database* is the URL of a PostgreSQL, and not the path of a file."""
    return database.startswith(("postgresql://", "postgres://"))


def name_without_secret(database: str) -> str:
    """Return how a person is told of *database*: a URL without its password and its options, which may hold one."""
    if not is_postgres(database):
        return database
    match = _POSTGRES.fullmatch(database)
    if match is None:  # nobody knows where in it the password ends
        return "postgresql://..."
    scheme, user, place = match.groups()
    return f"{scheme}{user}@{place}" if user else f"{scheme}{place}"
