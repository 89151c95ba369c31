"""What sends webhooks, in a process of its own: a bare loop of aiohttp's, or our dispatcher and what it stands on.

Both post the same number of bodies of one size to a receiver that is always there, and say how many a second.
"""

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
import msgspec
import uvloop

from blueport import clock
from blueport.server.blobs.links import links_of
from blueport.server.ids import mint
from blueport.server.notifying.delivering.dispatcher import Dispatcher
from blueport.server.notifying.delivering.outcomes import Outcome
from blueport.server.notifying.delivering.sender import HttpSender
from blueport.server.notifying.delivering.signing import Signed, new_secret, signed
from blueport.server.notifying.egress.guard import guard_of
from blueport.server.observing.queries import standing
from blueport.server.sealing import PLAIN
from blueport.server.serving import leave_alone_what_stays
from blueport.server.store import tables
from blueport.server.store.interface import Store
from blueport.server.store.opening import opened
from blueport.server.store.schema import upgrade
from blueport.server.store.tx import Tx, Value, add_row

CONNECTIONS = 64
_TIMEOUT_S = 15
_EVENT = "message.received"
# As long as a short text's.
_DATA = '{"id":"msg_01k742sg000000000000000001","text":"' + "x" * 400 + '"}'


class Posting(msgspec.Struct, frozen=True):
    """What to send: `count` deliveries for `webhooks` webhooks; with 0 of them it is aiohttp alone that sends."""

    port: int
    count: int
    webhooks: int


async def _bare(asked: Posting) -> float:
    """Return how many posts a second aiohttp makes by itself, all of them of one delivery that was signed before."""
    body, headers = signed(_EVENT, _DATA, delivery_id=mint("dlv", clock.now_ms()), secrets=[new_secret()], now_ms=0)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S)) as session:

        async def post(count: int) -> None:
            for _ in range(count):
                async with session.post(f"http://127.0.0.1:{asked.port}/", data=body, headers=headers) as answer:
                    await answer.read()

        began_at = time.perf_counter()
        await asyncio.gather(*[post(asked.count // CONNECTIONS) for _ in range(CONNECTIONS)])
        return asked.count / (time.perf_counter() - began_at)


async def _ours(asked: Posting) -> float:
    """Return how many deliveries a second we claim, sign, make and write down."""
    with tempfile.TemporaryDirectory(prefix="blueport-bench-") as folder:
        path = str(Path(folder) / "deliveries.db")
        upgrade(path)
        store = opened(path, clock.now_ms, 2)
        await store.join()
        await store.write(_fill, asked)
        leave_alone_what_stays()
        try:
            return asked.count / await _drained_s(store, asked.count)
        finally:
            await store.close()


async def _drained_s(store: Store, count: int) -> float:
    sender = _Counting(count)
    dispatcher = Dispatcher(store, sender, links_of(b"", None, "http://127.0.0.1"), PLAIN)
    began_at = time.perf_counter()
    dispatcher.start()
    await sender.all_made.wait()
    while await store.read(_has_open):  # noqa: ASYNC110 - the last of them are being written down
        await asyncio.sleep(0.001)
    took_s = time.perf_counter() - began_at
    await dispatcher.close(0)
    await sender.close()
    return took_s


class _Counting(HttpSender):
    """Tells when it has made so many tries, so that the database need not be asked all the time."""

    def __init__(self, count: int) -> None:
        super().__init__(guard_of("127.0.0.0/8"), _TIMEOUT_S)
        self._left = count
        self.all_made = asyncio.Event()

    async def attempt(self, url: str, ready: Signed, now_ms: int) -> Outcome:
        outcome = await super().attempt(url, ready, now_ms)
        self._left -= 1
        if self._left == 0:
            self.all_made.set()
        return outcome


def _has_open(tx: Tx) -> bool:
    return bool(standing(tx).deliveries)


def _fill(tx: Tx, asked: Posting) -> None:
    """Add an account with webhooks, each of which has as many events, of a chat each."""
    account_id, line_id = mint("acc", tx.now_ms), mint("ln", tx.now_ms)
    of_account: dict[str, Value] = {"account_id": account_id, "created_at": tx.now_ms}
    add_row(tx, tables.accounts, {"id": account_id, "name": "a", "created_at": tx.now_ms})
    line: dict[str, Value] = {"handle": "+1", "service": "imessage", "capabilities": "", "health": "ok"}
    add_row(tx, tables.lines, {**of_account, "id": line_id, **line, "is_active": 1})
    for _ in range(asked.webhooks):
        webhook_id, url = mint("wh", tx.now_ms), f"http://127.0.0.1:{asked.port}/"
        webhook = {"id": webhook_id, "url": url, "secret": new_secret(), "events": _EVENT}
        add_row(tx, tables.webhooks, {**of_account, **webhook, "is_active": 1})
        for number in range(asked.count // asked.webhooks):
            made_at = tx.now_ms + number  # ids of one moment would stand in no order, and each on another page
            event_id = mint("evt", made_at)
            event = {"id": event_id, "line_id": line_id, "type": _EVENT, "subject_id": event_id, "data": _DATA}
            add_row(tx, tables.events, {**of_account, **event})
            told = {"id": mint("dlv", made_at), "event_id": event_id, "webhook_id": webhook_id, "chat_id": event_id}
            add_row(tx, tables.deliveries, {**of_account, **told, "state": "pending", "attempts": 0, "available_at": 0})


if __name__ == "__main__":
    posting = msgspec.json.decode(sys.stdin.buffer.read(), type=Posting)
    sys.stdout.write(f"{uvloop.run(_ours(posting) if posting.webhooks else _bare(posting))}")
