"""A request that is repeated because its answer was lost has its effect once.

A client that sends an `Idempotency-Key` gets the first answer again for a day. The official SDK sends none, and repeats
a POST whose connection broke or timed out. So the answer to every write is kept until it has left: if the process dies
before that, or finds that the client has hung up, then the same request within two minutes gets that answer, whichever
process it comes to: another one that is alive is given IN_DOUBT_S to tell what became of its answer. Two equal
messages sent on purpose are two messages, but for one case: right after it has answered the first one, before it has
noted so, the process dies or stands still.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import msgspec
from starlette.types import Receive

from blueport.failpoints import reached
from blueport.server.errors import ApiError, StoreUnavailableError
from blueport.server.http import queries
from blueport.server.http.problems import ClientGoneError
from blueport.server.http.queries import Kept, Unanswered
from blueport.server.ids import AccountId, KeyId
from blueport.server.sealing import Keyring
from blueport.server.store.interface import Store
from blueport.server.store.tx import Tx

KEY_LIFE_MS = 24 * 60 * 60 * 1000
REPEATS_WITHIN_MS = 120_000
# How long answered requests are gathered before their rows are dropped; a crash in between makes them look unanswered.
FORGET_AFTER_S = 0.05
# How long another process may take to tell what became of its answer: then it was not heard.
IN_DOUBT_S = 5.0
# Who stood still for so long, or waited for a slow store, may have clients that gave up.
PATIENCE_S = 0.1

_NAME = re.compile(rb"[\x21-\x7e]{1,255}")


class Attempt(msgspec.Struct, frozen=True):
    """One sending of a request: *fingerprint* tells what is asked by whom, *name* is its Idempotency-Key.

    While its answer is kept, *keyring* seals it.
    """

    account_id: AccountId
    key_id: KeyId
    request_id: str
    fingerprint: str
    name: str | None
    keyring: Keyring

    def stored(self, body: bytes) -> str:
        """Return the form in which an answer to it is kept."""
        return self.keyring.stored(body.decode(), place=self.fingerprint)

    def plain(self, stored: str) -> bytes:
        """Return an answer to it that was kept."""
        return self.keyring.plain(stored, place=self.fingerprint).encode()


class Done(msgspec.Struct, frozen=True):
    """The answer's JSON, and where it redirects to, if it does.

    *unanswered* is the fingerprint under which it is kept until it has left.
    """

    body: bytes
    is_replayed: bool = False
    unanswered: str | None = None
    location: str | None = None


class InDoubtError(Exception):
    """Another process, which is alive, has not told yet whether the answer to such a request has left."""


class _Left(msgspec.Struct, frozen=True):
    """What became of an answer: it has left, or nobody waits for it any more."""

    fingerprint: str
    request_id: str
    is_answered: bool


class Underway:
    """The writes whose clients this process is going to answer, or has just answered.

    A client that hangs up is noticed before its request is begun, whenever another unit asks for it, and when the
    answer is ready. A write whose client is gone before its turn comes is not done at all.
    """

    def __init__(self, store: Store) -> None:
        self.process = store.process
        self._store = store
        self._sockets = _Sockets()
        self._ours: dict[str, Receive] = {}
        self._impatient: set[str] = set()
        self._left: list[_Left] = []
        self._timer: asyncio.TimerHandle | None = None
        self._forgetting: set[asyncio.Task[None]] = set()

    def is_ours(self, request_id: str) -> bool:
        """Tell whether somebody still waits here for that answer, or has it. Any thread may ask."""
        receive = self._ours.get(request_id)
        return receive is not None and not _known_to_be_gone(receive)

    def is_lost(self, tx: Tx, earlier: Unanswered, asked_again: str) -> bool:
        """Tell whether nobody waits for an earlier answer, and none has it, now that *asked_again* asks for the same.

        Raises:
            InDoubtError: Another process will tell.
        """
        if earlier.process == self.process:
            return not self.is_ours(earlier.request_id)
        if not earlier.process or asked_again in self._impatient:
            return True
        alive = tx.processes()
        if alive is not None and earlier.process not in alive:
            return True
        raise InDoubtError

    async def done(
        self, request_id: str, receive: Receive, work: Callable[[], Awaitable[Done]]
    ) -> tuple[Done, Callable[[], None]]:
        """Have *work* done for a client; what comes second is to be called as soon as the answer is sent.

        Raises:
            ClientGoneError: The client was gone before the work began.
        """
        await self._sockets.looked_at()
        if _has_hung_up(receive):
            raise ClientGoneError
        self._ours[request_id] = receive
        looked_at = time.monotonic()  # or later: the loop looks at its sockets before it hears of the work's end
        try:
            try:
                done = await work()
            except InDoubtError:
                done = await self._once_told(request_id, work)
            reached("server.done")
            if time.monotonic() - looked_at > PATIENCE_S / 2:
                # It may have hung up while this process stood still, and the loop has not looked since.
                looked_at = time.monotonic()
                await self._sockets.looked_at()
            reached("server.looked")
        except BaseException:
            del self._ours[request_id]
            raise
        if done.unanswered is None:
            del self._ours[request_id]
            return done, _nothing
        if _has_hung_up(receive):
            self._give_up(request_id, done.unanswered)
            return done, _nothing
        return done, partial(self._note_sent, request_id, done.unanswered, looked_at)

    async def close(self) -> None:
        """Drop what has left already, while there is a store to drop it from."""
        if self._timer is not None:
            self._timer.cancel()
        self._forget()
        await asyncio.gather(*self._forgetting)
        if self._timer is not None:
            self._timer.cancel()  # it may not have been possible; then what is left looks unanswered for a while

    def _note_sent(self, request_id: str, fingerprint: str, looked_at: float) -> None:
        if time.monotonic() - looked_at > PATIENCE_S:
            # This process stood still between the last look at the client and here: nobody knows who heard it.
            self._give_up(request_id, fingerprint)
        else:
            self._forget_soon([_Left(fingerprint, request_id, is_answered=True)])

    def _give_up(self, request_id: str, fingerprint: str) -> None:
        del self._ours[request_id]
        self._forget_soon([_Left(fingerprint, request_id, is_answered=False)])

    async def _once_told(self, request_id: str, work: Callable[[], Awaitable[Done]]) -> Done:
        until = time.monotonic() + IN_DOUBT_S
        while time.monotonic() < until:
            await asyncio.sleep(FORGET_AFTER_S)
            with suppress(InDoubtError):
                return await work()
        self._impatient.add(request_id)
        try:
            return await work()
        finally:
            self._impatient.discard(request_id)

    def _forget_soon(self, left: list[_Left]) -> None:
        if not self._left:
            self._timer = asyncio.get_running_loop().call_later(FORGET_AFTER_S, self._forget)
        self._left += left

    def _forget(self) -> None:
        left, self._left = self._left, []
        task = asyncio.create_task(self._forgotten(left))
        self._forgetting.add(task)
        task.add_done_callback(self._forgetting.discard)

    async def _forgotten(self, left: list[_Left]) -> None:
        try:
            await self._store.write_holding(None, _note_left, left)
        except StoreUnavailableError:
            self._forget_soon(left)
            return
        for each in left:
            self._ours.pop(each.request_id, None)


def _note_left(tx: Tx, left: list[_Left]) -> None:
    queries.forget(tx, [(each.fingerprint, each.request_id) for each in left if each.is_answered])
    queries.abandon(tx, [(each.fingerprint, each.request_id) for each in left if not each.is_answered])


def _nothing() -> None:
    """There is nothing to be noted."""


class _Sockets:
    """Has the loop look at its sockets once more, and call what comes of that.

    A client closes one connection before it asks again on another: so the first is known to be gone when the second
    is heard. All who ask in one turn of the loop are woken once, three turns later: to wake each of them in every turn
    would cost a thirtieth of a request.
    """

    def __init__(self) -> None:
        self._asked: list[asyncio.Future[None]] = []

    def looked_at(self) -> asyncio.Future[None]:
        """Return what is done once they were looked at."""
        loop = asyncio.get_running_loop()
        if not self._asked:
            loop.call_soon(self._begin, loop)
        look: asyncio.Future[None] = loop.create_future()
        self._asked.append(look)
        return look

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        asked, self._asked = self._asked, []
        loop.call_soon(_end, asked)


def _end(asked: list[asyncio.Future[None]]) -> None:
    for look in asked:
        if not look.cancelled():
            look.set_result(None)


def _has_hung_up(receive: Receive) -> bool:
    """Tell, without waiting, whether the client of a request that was read is gone."""
    known = _known_to_be_gone(receive)
    if known is not None:
        return known  # to ask as below costs a tenth of a request
    waiting = receive().__await__()
    try:
        next(waiting)
    except StopIteration as heard:
        return bool(heard.value["type"] == "http.disconnect")
    waiting.close()  # nothing was heard: the client is there
    return False


def _known_to_be_gone(receive: Receive) -> bool | None:
    """Return uvicorn's own word on the client of a request, None if that is another server; any thread may ask."""
    known = getattr(getattr(receive, "__self__", None), "disconnected", None)
    return known if isinstance(known, bool) else None


def name_of(headers: list[bytes]) -> str | None:
    """Return the Idempotency-Key that *headers* hold, None if there is none.

    Raises:
        ApiError: `invalid_parameter_value`.
    """
    if not headers:
        return None
    if len(headers) > 1 or not _NAME.fullmatch(headers[0]):
        message = "`Idempotency-Key` takes 1 to 255 visible ASCII characters."
        raise ApiError("invalid_parameter_value", message, param="Idempotency-Key")
    return headers[0].decode("ascii")


def once(tx: Tx, attempt: Attempt, underway: Underway, do: Callable[[], bytes]) -> Done:
    """Return what *do* answers, or what it answered when this very request was done before.

    Raises:
        ApiError: As *do*, or `invalid_parameter_value`: the Idempotency-Key was used for another request.
        ClientGoneError: Nobody waits for the answer any more.
    """
    if not underway.is_ours(attempt.request_id):
        raise ClientGoneError
    if attempt.name is not None:
        return _once_by_name(tx, attempt, attempt.name, do)
    for earlier in queries.unanswered_since(tx, attempt.fingerprint, tx.now_ms - REPEATS_WITHIN_MS):
        if earlier.request_id == attempt.request_id:
            # The store was not sure, and asks again.
            return Done(attempt.plain(earlier.body), unanswered=attempt.fingerprint)
        # One that is gone since it was read was told to have left, and nobody repeats that.
        if underway.is_lost(tx, earlier, attempt.request_id) and queries.take(tx, attempt.fingerprint, earlier):
            return _kept(tx, attempt, underway, attempt.plain(earlier.body), is_replayed=True)
    return _kept(tx, attempt, underway, do(), is_replayed=False)


def drop_old(tx: Tx) -> None:
    """Drop answers that nobody will ask for again."""
    queries.drop_old(tx, keys_before_ms=tx.now_ms - KEY_LIFE_MS, unanswered_before_ms=tx.now_ms - REPEATS_WITHIN_MS)


def _once_by_name(tx: Tx, attempt: Attempt, name: str, do: Callable[[], bytes]) -> Done:
    kept = queries.kept(tx, attempt.key_id, name)
    if kept is None:
        body = do()
        queries.keep(tx, attempt.account_id, attempt.key_id, name, Kept(attempt.fingerprint, attempt.stored(body)))
        return Done(body)
    if kept.fingerprint != attempt.fingerprint:
        message = "This `Idempotency-Key` was used for another request."
        raise ApiError("invalid_parameter_value", message, param="Idempotency-Key")
    return Done(attempt.plain(kept.body), is_replayed=True)


def _kept(tx: Tx, attempt: Attempt, underway: Underway, body: bytes, *, is_replayed: bool) -> Done:
    queries.note_unanswered(
        tx,
        account_id=attempt.account_id,
        fingerprint=attempt.fingerprint,
        request_id=attempt.request_id,
        process=underway.process,
        body=attempt.stored(body),
    )
    return Done(body, is_replayed, attempt.fingerprint)
