"""Puts the daemon together and keeps each of its loops going."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from importlib.metadata import version

from blueport.daemon.chatdb.database import ChatDb
from blueport.daemon.chatdb.thread import ChatDbThread
from blueport.daemon.health import MacHealth
from blueport.daemon.journal import contact, imports, sightings
from blueport.daemon.journal.file import Journal, JournalDamagedError, opened_journal
from blueport.daemon.journal.imports import Asked, Import
from blueport.daemon.performing.choosing import Chosen
from blueport.daemon.performing.claiming import claim_for_ever, renew_for_ever
from blueport.daemon.performing.handing import Hands
from blueport.daemon.performing.reporting import report_for_ever
from blueport.daemon.performing.signalling import signal_for_ever
from blueport.daemon.performing.staging import Staging
from blueport.daemon.settings import Settings
from blueport.daemon.telling import tell_for_ever
from blueport.daemon.transports.applescript.transport import AppleScript
from blueport.daemon.transports.base import Transport
from blueport.daemon.transports.imsg.transport import Imsg
from blueport.daemon.uplink import Uplink, opened_uplink
from blueport.daemon.watching.bringing import Bringing
from blueport.daemon.watching.importing import Importing
from blueport.daemon.watching.library import Library
from blueport.daemon.watching.reader import Reader
from blueport.daemon.watching.stirring import stir_for_ever
from blueport.daemon.watching.typing_dots import TypingDots
from blueport.logs.lines import logger
from blueport.protocol.door import Hello, LineReport, Welcome
from blueport.protocol.versions import is_older

_FIRST_PAUSE_S = 1.0
_TELL_S = 0.2
_LONGEST_PAUSE_S = 30.0

# Neither AppleScript nor `imsg` can name the own address.
_SEVERAL_LINES = (
    "This Mac has several lines, and Messages itself chooses which of them a message goes out from: as a rule the one"
    " that the person last wrote to. Where that is another, the outbox item has a warning."
)

_log = logger(__name__)


async def run(settings: Settings) -> None:
    """Serve the lines until cancelled.

    Raises:
        JournalInUseError: Another daemon runs on this journal.
        JournalDamagedError: What was handed over, and told, is not known any more.
    """
    chat_db_path = settings.chat_db.expanduser().absolute()
    with opened_journal(settings.journal) as journal, closing(ChatDbThread(chat_db_path)) as chat_db:
        async with opened_uplink(settings) as uplink:
            health = MacHealth()
            library = Library(chat_db_path)
            reader = Reader(journal, chat_db, library, health, settings)
            # Before the first word to the server: what is written from then on is news, so we must stand at the end.
            await reader.step()
            dots = TypingDots(journal, uplink, chat_db, reader.noting)
            imsg = None if settings.imsg is None else Imsg(settings.imsg, settings, dots.hear)
            transport = Chosen(AppleScript(settings), imsg)
            await transport.probe()
            greeter = _Greeter(journal, uplink, health, transport, settings)
            welcome = await greeter.greet()
            _log.info("daemon_started", version=version("blueport"), count=len(settings.lines))
            staging = Staging(journal, uplink, chat_db_path)
            bringing = Bringing(journal, uplink, library)
            importing = Importing(journal, chat_db, reader.noting, settings)
            hands = Hands(journal, uplink, chat_db, transport, health, lease_s=welcome.lease_s)
            await _keep_going(
                {
                    "greeting": greeter.greet_for_ever,
                    "probing": lambda: transport.probe_for_ever(health),
                    "claiming": lambda: claim_for_ever(journal, uplink, settings),
                    "renewing": lambda: renew_for_ever(journal, uplink, lease_s=welcome.lease_s),
                    "fetching files": staging.fetch_for_ever,
                    "tidying": staging.tidy_for_ever,
                    "handing over": lambda: hands.work_for_ever(settings),
                    "reporting": lambda: report_for_ever(journal, uplink),
                    "signalling": lambda: signal_for_ever(uplink, transport, settings),
                    "reading": reader.read_for_ever,
                    "stirring": lambda: stir_for_ever(chat_db_path, reader.stirred),
                    "telling": lambda: tell_for_ever(journal, uplink, health),
                    "bringing files": bringing.bring_for_ever,
                    "importing": importing.import_for_ever,
                    "telling who types": dots.tell_for_ever,
                    **({} if imsg is None else {"listening": imsg.listen_for_ever}),
                }
            )


async def import_alone(settings: Settings, asked: Asked, tell: Callable[[Import], None]) -> None:
    """Import history where no daemon runs; *tell* hears now and then how far it is. News is told, and nothing is sent.

    Raises:
        JournalInUseError: A daemon runs on this journal, and would do it.
        ChatDbError: chat.db cannot be read.
    """
    chat_db_path = settings.chat_db.expanduser().absolute()
    with opened_journal(settings.journal) as journal, closing(ChatDbThread(chat_db_path)) as chat_db:
        async with opened_uplink(settings) as uplink:
            health = MacHealth()
            reader = Reader(journal, chat_db, Library(chat_db_path), health, settings)
            await chat_db.ask(ChatDb.newest_rowid)
            while not await reader.step():
                pass
            importing = Importing(journal, chat_db, reader.noting, settings)
            await importing.begin(asked)
            work = asyncio.gather(
                reader.read_for_ever(), tell_for_ever(journal, uplink, health), importing.import_for_ever()
            )
            try:
                await _until_imported(journal, asked, tell, work)
            finally:
                work.cancel()
                with suppress(asyncio.CancelledError):
                    await work


async def _until_imported(
    journal: Journal, asked: Asked, tell: Callable[[Import], None], work: asyncio.Future[tuple[None, None, None]]
) -> None:
    is_over = False
    while not is_over and not work.done():
        one = imports.of(journal, asked.wanted)
        is_over = one is not None and one.ended_at is not None and not sightings.oldest(journal, 1)
        if one is not None:
            tell(one)
        await asyncio.sleep(_TELL_S)
    if not is_over:
        await work


class _Greeter:
    """Says hello: at the start, when contact was lost and found, and when this Mac's health changes."""

    def __init__(
        self, journal: Journal, uplink: Uplink, health: MacHealth, transport: Transport, settings: Settings
    ) -> None:
        self.transport = transport
        self._journal = journal
        self._uplink = uplink
        self._health = health
        self._lines = settings.lines
        self._told_version: str | None = None

    async def greet(self) -> Welcome:
        """Say hello once."""
        self._health.changed.clear()
        self._uplink.regained.clear()
        condition = self._health.worst()
        hint = condition.hint or (_SEVERAL_LINES if len(self._lines) > 1 else None)
        reports = tuple(LineReport(line, condition.health, hint, self.transport.capabilities) for line in self._lines)
        welcome = await self._uplink.hello(Hello(self._journal.id, version("blueport"), reports))
        self._note_version(self._uplink.server_version)
        return welcome

    def _note_version(self, of_server: str | None) -> None:
        """Keep which version the server has, for whoever asks this Mac how it is, and say once if that is newer."""
        if of_server is None or of_server == self._told_version:
            return
        self._told_version = of_server
        contact.note_server_version(self._journal, of_server)
        if is_older(version("blueport"), of_server):
            _log.warning("newer_version_there", version=of_server)

    async def greet_for_ever(self) -> None:
        """Say hello whenever there is something new to say."""
        while True:
            await _first_of(self._health.changed, self._uplink.regained)
            await self.greet()


async def _first_of(*events: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as group:
        waits = [group.create_task(event.wait()) for event in events]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


async def _keep_going(loops: dict[str, Callable[[], Awaitable[None]]]) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            for name, work in loops.items():
                group.create_task(_restarted(name, work), name=name)
    except BaseExceptionGroup as errors:
        damage = errors.subgroup(JournalDamagedError)
        if damage is None:
            raise
        raise _first(damage) from None


def _is_damage(error: Exception) -> bool:
    if isinstance(error, ExceptionGroup):
        return error.subgroup(JournalDamagedError) is not None
    return isinstance(error, JournalDamagedError)


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


async def _restarted(name: str, work: Callable[[], Awaitable[None]]) -> None:
    """Run one loop, and again should it fall over something that nobody thought of: all its state is in the journal.

    What falls over again and again, as on a full disk, does so later and later: the server is asked each time.
    """
    pause_s = _FIRST_PAUSE_S
    while True:
        started_s = asyncio.get_running_loop().time()
        try:
            await work()
        except Exception as error:
            if _is_damage(error):
                raise
            _log.exception("loop_fell_over", task=name.replace(" ", "_"))
        if asyncio.get_running_loop().time() - started_s > _LONGEST_PAUSE_S:
            pause_s = _FIRST_PAUSE_S
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
