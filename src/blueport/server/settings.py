"""What an operator of the server may change."""

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Read once, by the command line: `BLUEPORT_LEASE_S=30` sets `lease_s`."""

    database: Path = Path("blueport.db")
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 8080
    # A daemon renews at a third of this; a claim that is not renewed is offered again after it.
    lease_s: Annotated[int, Meta(ge=1)] = 60
    max_attempts: Annotated[int, Meta(ge=1)] = 5
    # Requests an hour under one key, unless the key has a limit of its own.
    hourly_limit: Annotated[int, Meta(ge=1)] = 1000
    # Requests that are answered at a time; one more is told to come again. Daemons that wait for work do not count.
    max_in_flight: Annotated[int, Meta(ge=1)] = 1000
    webhook_timeout_s: Annotated[float, Meta(gt=0)] = 15
    # Comma-separated hosts and networks that webhooks may reach although they are not public.
    webhook_allow: str = ""
    # Where others reach this server, as in `https://imessage.example.com`: links to files begin with it.
    public_url: Annotated[str, Meta(pattern=r"^https?://[^\s/?#]+(/[^\s?#]*)?$")] | None = None
    # Where the bytes of files are kept: a folder (`files` beside the database if none is named), or `s3://bucket/prefix`.
    files: str = ""
    s3_endpoint: str | None = None
    s3_region: str | None = None
    s3_access_key_id: str | None = None
    s3_secret_access_key: str | None = None
    dashboard_token: str | None = None
    # What Prometheus has to show for /metrics, as a bearer token; without one the page is open.
    metrics_token: str | None = None
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
