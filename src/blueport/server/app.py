"""Puts the server together; the only module that knows every other."""

import asyncio
import contextlib
import fcntl
import gc
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import uvicorn
from starlette.routing import Router
from starlette.types import Receive, Scope

from blueport import __version__, clock
from blueport.logs.lines import logger, named
from blueport.server import provisioning
from blueport.server.authorizing import service as authorizing
from blueport.server.authorizing.limits import Limits
from blueport.server.blobs import queries as blobs
from blueport.server.blobs.links import links_of
from blueport.server.blobs.storage import blobs_of
from blueport.server.dashboard.routes import Dashboard
from blueport.server.describing.routes import Descriptions
from blueport.server.errors import StoreUnavailableError
from blueport.server.http import repeating
from blueport.server.http.answers import Answer, with_request_id
from blueport.server.http.downloads import Downloads
from blueport.server.http.endpoint import Endpoint, Terms
from blueport.server.http.in_flight import InFlight
from blueport.server.http.pages import Cursors
from blueport.server.http.problems import Answered
from blueport.server.http.protocol import EnvelopeProtocol
from blueport.server.http.routing import Api, otherwise, route
from blueport.server.link import service as link
from blueport.server.link.files import FileDoor
from blueport.server.link.routes import LONG_POLLS, Door
from blueport.server.notifying import service as notifying
from blueport.server.notifying.dispatcher import Dispatcher
from blueport.server.notifying.guard import guard_of
from blueport.server.notifying.sender import HttpSender
from blueport.server.observing.families import Observed
from blueport.server.observing.routes import PATH as METRICS
from blueport.server.observing.routes import Metrics
from blueport.server.resources.audio_messages import routes as audio_messages
from blueport.server.resources.chats import routes as chats
from blueport.server.resources.files import routes as files
from blueport.server.resources.lines import routes as lines
from blueport.server.resources.messages import routes as messages
from blueport.server.resources.outbox import routes as outbox
from blueport.server.resources.reactions import routes as reactions
from blueport.server.resources.receipts import routes as receipts
from blueport.server.resources.sandbox import routes as sandbox
from blueport.server.resources.typing import routes as typing
from blueport.server.resources.webhooks import routes as webhooks
from blueport.server.sending import service as sending
from blueport.server.settings import Settings
from blueport.server.signalling import service as signalling
from blueport.server.store.schema import upgrade
from blueport.server.store.sqlite import SqliteStore
from blueport.server.store.tx import Tx
from blueport.server.tallies import Tallies

log = logger(__name__)

HEALTH = "/healthz"
SWEEP_S = 15.0
# How many more objects there are until the garbage collector looks at the young ones; Python's own number is 700.
_NEW_OBJECTS = 10_000
# What a crash may forget of the calls that were counted.
KEEP_USES_S = 5.0
GRACE_S = 3
SWEEP_FILES_S = 6 * 60 * 60
# A draft that is still written to has news every half minute; bytes are told of right after they are in their place.
DRAFT_LIFE_MS = 60 * 60 * 1000
UNTOLD_LIFE_MS = 24 * 60 * 60 * 1000

# The busiest first: routes are tried in this order.
ENDPOINTS: tuple[Endpoint, ...] = (
    messages.SEND,
    typing.SEND,
    receipts.SEND,
    messages.LIST,
    outbox.GET,
    reactions.SEND,
    audio_messages.SEND,
    reactions.LIST,
    typing.LIST,
    receipts.LIST,
    chats.LIST,
    lines.LIST,
    sandbox.GET,
    sandbox.BEGIN,
    webhooks.CREATE,
    webhooks.LIST,
    webhooks.DELETE,
    files.UPLOAD,
    files.GET,
)


class Watch(NamedTuple):
    """When the last sweep was, and until when nobody is called silent (Unix milliseconds)."""

    swept_at: int = 0
    quiet_until: int = 0


class Server:
    """One server: its store, its HTTP app and its loops."""

    def __init__(self, settings: Settings, store: SqliteStore, cursor_secret: bytes) -> None:
        guard = guard_of(settings.webhook_allow)
        links = links_of(cursor_secret, settings.public_url, _own_url(settings))
        self._limits = Limits(settings.hourly_limit)
        cursors = Cursors(cursor_secret)
        terms = Terms(settings.region, settings.max_attempts, guard, cursors, links, self._limits)
        self._settings = settings
        self._store = store
        self._guard = guard
        self._links = links
        self._blobs = blobs_of(settings)
        self._watch = Watch()
        self._tries: Tallies[str] = Tallies()
        self._api = Api(store, terms, self._blobs)
        all_routes = self._api.routes(ENDPOINTS)
        all_routes += Downloads(store, self._blobs, links).routes()
        self._door = Door(store, self._limits, lease_s=settings.lease_s, region=settings.region)
        all_routes += self._door.routes() + FileDoor(store, self._limits, self._blobs).routes()
        all_routes += Descriptions(ENDPOINTS, links=links, hourly_limit=settings.hourly_limit).routes()
        all_routes += [route(HEALTH, {"GET": self._healthz})]
        if settings.dashboard_token:
            all_routes += Dashboard(store, self._limits, settings.dashboard_token).routes()
        all_routes += Metrics(store, self._limits, settings.metrics_token, self._observed).routes()
        nowhere = Answered(otherwise)
        router = Router(all_routes, redirect_slashes=False, default=nowhere, lifespan=self._lifespan)
        self.app = InFlight(router, settings.max_in_flight, [HEALTH, METRICS, *LONG_POLLS])
        self._answered = [each.endpoint for each in all_routes if isinstance(each.endpoint, Answered)]
        self._answered += [nowhere, self.app.busy]

    def _observed(self) -> Observed:
        return Observed(self._answered, self.app, self._store.tallies, self._tries)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app: Router) -> AsyncIterator[None]:
        sender = HttpSender(self._guard, self._settings.webhook_timeout_s)
        lease_s = self._settings.webhook_timeout_s * 2 + 10
        dispatcher = Dispatcher(self._store, sender, self._links, lease_s=lease_s, tallies=self._tries)
        loops = [
            asyncio.create_task(dispatcher.run()),
            asyncio.create_task(_forever(self.sweep, SWEEP_S)),
            asyncio.create_task(_forever(self.keep_uses, KEEP_USES_S)),
            asyncio.create_task(_forever(self.sweep_files, SWEEP_FILES_S)),
        ]
        log.info("server_started", version=__version__)
        yield
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        await sender.close()
        await self._api.close()
        with contextlib.suppress(StoreUnavailableError):
            await self.keep_uses()
        log.info("server_stopped")

    def let_go(self) -> None:
        """Answer those who wait."""
        self._door.close()

    async def sweep(self) -> None:
        """Do what is done now and then."""
        self._watch = await self._store.write(_swept, self._watch, lease_s=self._settings.lease_s)

    async def sweep_files(self) -> None:
        """Remove bytes that nobody knows of: of uploads that broke off, and of processes that died before they told."""
        await self._blobs.sweep_drafts(clock.now_ms() - DRAFT_LIFE_MS)
        async for keys in self._blobs.listed(clock.now_ms() - UNTOLD_LIFE_MS):
            for key in set(keys) - await self._store.read(blobs.known_keys, keys):
                await self._blobs.drop(key)

    async def keep_uses(self) -> None:
        """Write down how often keys were used since this was last done."""
        uses = self._limits.not_kept()
        if uses:
            await self._store.write(authorizing.keep_uses, uses)
            self._limits.note_kept(uses)

    async def _healthz(self, _scope: Scope, _receive: Receive, request_id: str) -> Answer:
        await self._store.read(notifying.next_due_at)
        return Answer(200, with_request_id(b'{"status":"ok"}', request_id))


def _own_url(settings: Settings) -> str:
    """Return where we listen, for those who are told of a file before we know how they call us."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - compared, not bound
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


async def _forever(work: Callable[[], Awaitable[None]], every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        try:
            await work()
        except StoreUnavailableError as error:
            log.warning("task_waits_for_database", task=work.__name__, **named(error))
        except Exception:
            log.exception("task_fell_over", task=work.__name__)


def _swept(tx: Tx, watch: Watch, *, lease_s: int) -> Watch:
    """Sweep once.

    If the clock was not there since the last sweep, because this machine slept, stood still or had its clock set, the
    daemons are given the time to renew what they hold before any of them is taken for silent.
    """
    repeating.drop_old(tx)
    signalling.end_expired(tx)
    quiet_until = watch.quiet_until
    if not 0 <= tx.now_ms - watch.swept_at <= 2 * SWEEP_S * 1000:
        notifying.hasten(tx)
        quiet_until = tx.now_ms + lease_s * 1000
    if tx.now_ms >= quiet_until:
        sending.end_the_silent(tx)
        link.note_silent_lines(tx)
    return Watch(tx.now_ms, quiet_until)


async def serve(settings: Settings, sockets: list[socket.socket] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; *sockets* are listening already, else `host` and `port` are bound.

    Raises:
        RuntimeError: Another server holds the database file.
    """
    with _sole_owner(settings.database):
        upgrade(settings.database)
        store = SqliteStore(settings.database, clock.now_ms)
        try:
            secret = await store.write(provisioning.prepare, settings)
            # We are alone on this file: whoever was trying these is gone.
            await store.write(notifying.release_all)
            await store.write(link.note_all_silent)
            server = _uvicorn(Server(settings, store, secret), settings)
            _leave_alone_what_stays()
            await server.serve(sockets)
        finally:
            store.close()


def _leave_alone_what_stays() -> None:
    """Spare the garbage collector what was loaded, and most of what requests make: it was 6 % of each of them.

    Nearly all that a request makes goes by its count of references; few cycles are left to be found.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)


class _Uvicorn(uvicorn.Server):
    """Answers those who wait before it waits for them."""

    def __init__(self, config: uvicorn.Config, server: Server) -> None:
        super().__init__(config)
        self._server = server

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._server.let_go()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End as one who was told to: uvicorn would have the signal end the process before the store is closed."""
        loop = asyncio.get_running_loop()
        for told in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(told, self.handle_exit, told, None)
        yield


def _uvicorn(server: Server, settings: Settings) -> uvicorn.Server:
    config = uvicorn.Config(
        server.app,
        host=settings.host,
        port=settings.port,
        http=EnvelopeProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE_S,
    )
    return _Uvicorn(config, server)


@contextlib.contextmanager
def _sole_owner(database: Path) -> Iterator[None]:
    """Hold the database file for this process alone."""
    database.parent.mkdir(parents=True, exist_ok=True)
    path = database.with_name(f"{database.name}.lock")
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(f"another server has {database} open") from None
        yield
