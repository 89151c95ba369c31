"""Puts the server together; the only module that knows every other."""

import contextlib
from collections.abc import AsyncIterator

from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope

from blueport import __version__
from blueport.logs.lines import logger
from blueport.server.authorizing.limits import Limits
from blueport.server.blobs.links import links_of
from blueport.server.blobs.storage import blobs_of
from blueport.server.dashboard import live
from blueport.server.dashboard.admitting.door import Premises
from blueport.server.dashboard.installation import facts_of
from blueport.server.dashboard.routes import Dashboard
from blueport.server.describing.routes import Descriptions
from blueport.server.describing.site import BUILT, Site
from blueport.server.errors import ApiError
from blueport.server.housekeeping import Housekeeper
from blueport.server.http.answers import Answer, with_request_id
from blueport.server.http.downloads import Downloads
from blueport.server.http.endpoint import Endpoint, Terms
from blueport.server.http.following import Following
from blueport.server.http.in_flight import InFlight
from blueport.server.http.pages import Cursors
from blueport.server.http.proxies import believing
from blueport.server.http.recording import Recording
from blueport.server.http.routing import Api, Paths, route
from blueport.server.inspecting.routes import CHANGES as INSPECTED_CHANGES
from blueport.server.inspecting.routes import Inspector
from blueport.server.link.files import FileDoor
from blueport.server.link.routes import LONG_POLLS, Door
from blueport.server.notifying.delivering.dispatcher import Dispatcher
from blueport.server.notifying.delivering.sender import HttpSender
from blueport.server.notifying.egress.guard import guard_of
from blueport.server.observing.families import Observed
from blueport.server.observing.routes import PATH as METRICS
from blueport.server.observing.routes import Metrics
from blueport.server.resources.audio_messages import routes as audio_messages
from blueport.server.resources.chats import routes as chats
from blueport.server.resources.deliveries import routes as deliveries
from blueport.server.resources.events import routes as events
from blueport.server.resources.files import routes as files
from blueport.server.resources.lines import routes as lines
from blueport.server.resources.messages import routes as messages
from blueport.server.resources.outbox import routes as outbox
from blueport.server.resources.reactions import routes as reactions
from blueport.server.resources.receipts import routes as receipts
from blueport.server.resources.sandbox import routes as sandbox
from blueport.server.resources.settings import routes as account_settings
from blueport.server.resources.typing import routes as typing
from blueport.server.resources.webhooks import routes as webhooks
from blueport.server.sealing import keyring_of
from blueport.server.settings import Settings
from blueport.server.store import installation
from blueport.server.store.interface import Store
from blueport.server.tallies import Tallies

log = logger(__name__)

# Who watches over processes asks whether one lives, who balances between them whether to send it requests.
HEALTH = "/healthz"
READY = "/readyz"

ENDPOINTS: tuple[Endpoint, ...] = (
    messages.SEND,
    typing.SEND,
    receipts.SEND,
    messages.LIST,
    messages.EDIT,
    messages.UNSEND,
    outbox.GET,
    reactions.SEND,
    audio_messages.SEND,
    reactions.LIST,
    typing.LIST,
    receipts.LIST,
    chats.LIST,
    chats.BEGIN,
    chats.RENAME,
    chats.ADD,
    chats.REMOVE,
    chats.LEAVE,
    lines.LIST,
    sandbox.GET,
    sandbox.BEGIN,
    account_settings.GET,
    account_settings.CHANGE,
    webhooks.CREATE,
    webhooks.LIST,
    webhooks.DELETE,
    webhooks.ROTATE,
    webhooks.ENABLE,
    deliveries.LIST,
    deliveries.ATTEMPTS,
    deliveries.REPLAY,
    deliveries.TEST,
    events.LIST,
    files.UPLOAD,
    files.GET,
)


class Server:
    """One server: its store, its HTTP app and its loops."""

    def __init__(self, settings: Settings, store: Store, cursor_secret: bytes) -> None:
        guard = guard_of(settings.webhook_allow, allows_metadata=settings.webhook_allow_metadata)
        links = links_of(cursor_secret, settings.public_url, settings.own_url)
        self._limits = Limits(settings.hourly_limit, store.counts)
        self._keyring = keyring_of(settings.secrets_key)
        cursors = Cursors(cursor_secret)
        terms = Terms(settings.region, settings.max_attempts, guard, cursors, links, self._limits, self._keyring)
        self._settings = settings
        self._guard = guard
        self._store = store
        self._links = links
        self._blobs = blobs_of(settings)
        self._is_leaving = False
        self._does_work = settings.role != "api"
        self._tries: Tallies[str] = Tallies()
        self.following = Following(store, terms, limit=settings.max_in_flight, keep_alive_s=settings.keep_alive_s)
        recording = Recording(settings.requests_kept) if settings.requests_kept else None
        self._api = Api(store, terms, self._blobs, self.following, recording)
        self._door = Door(store, self._limits, lease_s=settings.lease_s, region=settings.region)
        self.housekeeper = Housekeeper(store, self._limits, self._blobs, lease_s=settings.lease_s)
        self._dispatcher: Dispatcher | None = None
        self._inspector = Inspector(store, terms, settings.inspect_token, recording)
        self._dashboard = Dashboard(
            store,
            terms,
            Premises(cursor_secret, settings.dashboard_token, settings.public_url),
            facts_of(settings),
        )
        routes = [route(HEALTH, {"GET": self._healthz}), route(READY, {"GET": self._readyz})]
        routes += Metrics(store, self._limits, settings.metrics_token, self._observed).routes()
        if settings.role != "worker":
            routes = self._public_routes() + routes
        self._paths = Paths(routes, self._lifespan, recording)
        uncounted = [HEALTH, READY, METRICS, events.LIST.path, INSPECTED_CHANGES, live.PATH, *LONG_POLLS]
        self._in_flight = InFlight(self._paths, settings.max_in_flight, uncounted)
        self.app: ASGIApp = believing(self._in_flight, settings.trusted_proxies)

    def _public_routes(self) -> list[Route]:
        settings, store, limits, links = self._settings, self._store, self._limits, self._links
        routes = self._api.routes(ENDPOINTS) + Downloads(store, self._blobs, links).routes()
        routes += self._door.routes() + FileDoor(store, limits, self._blobs).routes()
        routes += Descriptions(ENDPOINTS, links=links, hourly_limit=settings.hourly_limit).routes()
        routes += Site(BUILT).routes()
        return routes + self._inspector.routes() + self._dashboard.routes()

    def _observed(self) -> Observed:
        return Observed(
            [*self._paths.answered, self._in_flight.busy], self._in_flight, self._store.tallies, self._tries
        )

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app: Router) -> AsyncIterator[None]:
        self.housekeeper.start(sweeps=self._does_work)
        log.info("server_started", version=__version__, role=self._settings.role)
        async with self._delivering() if self._does_work else contextlib.nullcontext():
            yield
            self.let_go()
        await self._api.close()
        await self.housekeeper.close()
        log.info("server_stopped")

    @contextlib.asynccontextmanager
    async def _delivering(self) -> AsyncIterator[None]:
        """Deliver to webhooks meanwhile."""
        sender = HttpSender(self._guard, self._settings.webhook_timeout_s)
        self._dispatcher = Dispatcher(self._store, sender, self._links, self._keyring, self._tries)
        self._dispatcher.start()
        yield
        await self._dispatcher.close(self._settings.grace_s)
        await sender.close()

    def let_go(self) -> None:
        """Take on no more work, and answer those who wait."""
        self._is_leaving = True
        self._door.close()
        self.following.close()
        self._inspector.close()
        self._dashboard.close()
        if self._dispatcher is not None:
            self._dispatcher.let_go()

    async def _healthz(self, _scope: Scope, _receive: Receive, request_id: str) -> Answer:
        """Tell that this process lives, whatever becomes of the database: to start it again would mend nothing."""
        return Answer(200, with_request_id(b'{"status":"ok"}', request_id))

    async def _readyz(self, _scope: Scope, _receive: Receive, request_id: str) -> Answer:
        """Tell whether requests should be sent here: not to who is leaving, or has no database."""
        await self._store.read(installation.cursor_secret)
        if self._is_leaving:  # also if it was told so just now
            raise ApiError("service_unavailable", "This process is about to end.", retry_after_s=1)
        return Answer(200, with_request_id(b'{"status":"ready"}', request_id))
