"""The page that Prometheus reads: /metrics, open unless `metrics_token` is set."""

import asyncio
import secrets
from collections.abc import Callable

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from starlette.routing import Route
from starlette.types import Receive, Scope

from blueport.logs.lines import logger, named
from blueport.server.authorizing import keys
from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.limits import Limits
from blueport.server.errors import ApiError
from blueport.server.http.answers import Answer
from blueport.server.http.routing import header_values, route, visit_of
from blueport.server.observing import queries
from blueport.server.observing.families import Families, Observed
from blueport.server.observing.queries import Standing
from blueport.server.store.interface import Store

PATH = "/metrics"
# Prometheus itself gives up after ten.
READ_TIMEOUT_S = 5

log = logger(__name__)


class Metrics:
    """The page of one server; *observed* tells what it has counted."""

    def __init__(self, store: Store, limits: Limits, token: str | None, observed: Callable[[], Observed]) -> None:
        self._store = store
        self._limits = limits
        self._token = token.encode() if token else None
        self._observed = observed

    def routes(self) -> list[Route]:
        """Return the page."""
        return [route(PATH, {"GET": self.page})]

    async def page(self, scope: Scope, _receive: Receive, _request_id: str) -> Answer:
        """Show the page."""
        if self._token is not None:
            self._admit(scope, self._token)
        # Of this moment and this server: the library's own registry would be that of the whole process.
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(Families(self._observed(), await self._standing()))
        accepted = b",".join(header_values(scope, b"accept")).decode("latin-1")
        encode, content_type = choose_encoder(accepted)
        return Answer(200, encode(registry), content_type=content_type.encode())

    async def _standing(self) -> Standing | None:
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                return await self._store.read(queries.standing)
        except Exception as error:  # noqa: BLE001 - whatever is wrong there, what is known here is told
            log.warning("metrics_without_database", **named(error))
            return None

    def _admit(self, scope: Scope, token: bytes) -> None:
        visit = visit_of(scope)
        if not visit.authorization:
            raise ApiError("missing_api_key", "Send the metrics token as `Authorization: Bearer ...`.")
        given = keys.bearer(visit.authorization)
        if given is None or not secrets.compare_digest(given.encode(), token):
            told = ApiError("invalid_api_key", "This is not the metrics token.")
            raise authorizing.wrong_secret(self._limits, visit.address, self._store.now_ms(), told)
