"""Moves a whole installation into another database: all of it, just as it was, or nothing.

Three walks through all rows, in constant memory: the first looks for what the other database could not keep, and takes
a checksum of each table; the second copies; the third reads what arrived and compares. What is written is one
transaction, so that whoever dies meanwhile leaves an empty database. Both databases are held for all that time, so
that no server accepts what would not come along.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from types import GenericAlias
from typing import Annotated, Any, Protocol

import msgspec
from sqlalchemy import BigInteger, Column, Integer, Table

from blueport.failpoints import reached
from blueport.server.errors import StoreUnavailableError
from blueport.server.settings import is_postgres, name_without_secret
from blueport.server.store.ends import End, Row, end_of
from blueport.server.store.schema import NEWEST, revision, upgrade
from blueport.server.store.tables import XIDS, events, metadata

FAULTS_TOLD = 5
WALKS = 3

_TX_ID = list(events.columns).index(events.c.tx_id)
_NUL = b"\\u0000"
_SMALL = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
_encoder = msgspec.json.Encoder()


class Moved(msgspec.Struct, frozen=True):
    """A table that was copied; the checksum is over all its rows."""

    table: str
    rows: int
    checksum: str


class Progress(Protocol):
    """Who is told how far it is, in rows: a bar of tqdm's is this."""

    def reset(self, total: int) -> object:
        """Hear how many there are to come."""

    def update(self, n: int) -> object:
        """Hear that so many more are done."""


def copy(source: str, target: str, progress: Progress) -> list[Moved]:
    """Copy the installation in *source* into *target*, which gets the newest schema and must be empty.

    Raises:
        MisconfiguredError: A newer Blueport has changed one of them, or a URL is none.
        StoreUnavailableError: It could not be, and nothing was copied; the text says why.
    """
    if _are_the_same(source, target):
        raise StoreUnavailableError(f"{name_without_secret(source)} cannot be copied into itself")
    _require_newest(source)
    if _is_there(target):
        asyncio.run(_require_empty(target))
    return asyncio.run(_copy(source, target, progress))


def _are_the_same(source: str, target: str) -> bool:
    if is_postgres(source) or is_postgres(target):
        return source == target
    return Path(source).expanduser().resolve() == Path(target).expanduser().resolve()


def _is_there(database: str) -> bool:
    return is_postgres(database) or Path(database).expanduser().exists()


def _require_newest(source: str) -> None:
    name = name_without_secret(source)
    if not _is_there(source):
        raise StoreUnavailableError(f"{name}: there is no such file")
    found = revision(source)
    if found != NEWEST:
        had = f"the schema {found}" if found else "no schema"
        raise StoreUnavailableError(f"{name} has {had}, and the newest is {NEWEST}: run `blueport migrate` on it first")


async def _require_empty(database: str) -> None:
    """Refuse a database with rows in it, before it is even migrated."""
    async with end_of(database) as target:
        await _refuse_rows(target)


async def _refuse_rows(target: End) -> None:
    for table in metadata.sorted_tables:
        if await target.holds(table):
            raise StoreUnavailableError(f"{target.name} is not empty: there are rows in `{table.name}`")


async def _copy(source_name: str, target_name: str, progress: Progress) -> list[Moved]:
    async with end_of(source_name) as source:
        await source.begin()
        progress.reset(WALKS * sum([await source.count(table) for table in metadata.sorted_tables]))
        expected = await _looked_over(source, progress, is_for_postgres=is_postgres(target_name))
        reached("copy.checked")
        await asyncio.to_thread(upgrade, target_name)
        async with end_of(target_name) as target:
            await target.begin()
            await _refuse_rows(target)
            await _fill(source, target, progress)
            reached("copy.filled")
            await _compare(target, expected, progress)
            reached("copy.commit")
            await target.commit()
            reached("copy.committed")
    return expected


async def _fill(source: End, target: End, progress: Progress) -> None:
    async with target.filling():
        for table in metadata.sorted_tables:
            async for rows in _moved(source, table):
                await target.add(table, rows)
                progress.update(len(rows))
                reached("copy.batch")
            number = await source.last_number(table)
            if number:
                await target.count_on_from(table, number)


async def _compare(target: End, expected: Sequence[Moved], progress: Progress) -> None:
    """Read back what was written."""
    for table, moved in zip(metadata.sorted_tables, expected, strict=True):
        sum_ = _Sum()
        async for rows in target.rows(table):
            sum_.add(_encoder.encode_lines(rows), len(rows))
            progress.update(len(rows))
        if sum_.of(table) != moved:
            raise StoreUnavailableError(f"what arrived in `{table.name}` of {target.name} is not what was sent there")


async def _looked_over(source: End, progress: Progress, *, is_for_postgres: bool) -> list[Moved]:
    """Return what there is to move.

    Raises:
        StoreUnavailableError: There is something that the target could not keep as it is.
    """
    judge = _Judge(is_for_postgres=is_for_postgres)
    moved = [await _looked_at(source, table, judge, progress) for table in metadata.sorted_tables]
    if judge.faults:
        raise StoreUnavailableError(f"{source.name} holds what cannot be moved as it is: {judge.told()}")
    return moved


async def _looked_at(source: End, table: Table, judge: "_Judge", progress: Progress) -> Moved:
    sum_, judged = _Sum(), judge.of(table)
    async for rows in _moved(source, table):
        sum_.add(judged(rows), len(rows))
        progress.update(len(rows))
    return sum_.of(table)


async def _moved(source: End, table: Table) -> AsyncIterator[list[Row]]:
    """Return all rows as they are to arrive.

    Numbers of transactions mean nothing in another database: those that are still to come there would hide events for
    ever. Lowered by more than there can be of them they are over everywhere, and in their order.
    """
    async for rows in source.rows(table):
        yield [_in_the_past(row) for row in rows] if table is events else rows


def _in_the_past(row: Row) -> Row:
    tx_id = row[_TX_ID]
    return (*row[:_TX_ID], tx_id - XIDS, *row[_TX_ID + 1 :]) if isinstance(tx_id, int) else row


class _Sum:
    """Counts rows, and makes one checksum of them all."""

    def __init__(self) -> None:
        self._rows = 0
        self._hash = hashlib.blake2b(digest_size=16)

    def add(self, lines: bytes, rows: int) -> None:
        self._rows += rows
        self._hash.update(lines)

    def of(self, table: Table) -> Moved:
        return Moved(f"{table.name}", self._rows, self._hash.hexdigest())


class _Judge:
    """Finds values that are not what their column says: SQLite takes anything anywhere, PostgreSQL does not."""

    def __init__(self, *, is_for_postgres: bool) -> None:
        self._is_for_postgres = is_for_postgres
        self.faults: list[str] = []

    def of(self, table: Table) -> Callable[[list[Row]], bytes]:
        """Return what looks at rows of *table*, notes their faults, and puts the rows into bytes, always the same."""
        shapes = [_shape_of(column) for column in table.columns]
        row_shape = GenericAlias(list, (GenericAlias(tuple, tuple(shapes)),))

        def judged(rows: list[Row]) -> bytes:
            try:
                msgspec.convert(rows, row_shape)
                lines = _encoder.encode_lines(rows)
            except (msgspec.ValidationError, UnicodeEncodeError):
                self._note(table, rows, shapes)
                return b""
            if self._is_for_postgres and _NUL in lines:
                self._note(table, rows, shapes)  # or the text has those six letters
            return lines

        return judged

    def told(self) -> str:
        """Return the first few faults."""
        more = ", and more" if len(self.faults) > FAULTS_TOLD else ""
        return "; ".join(self.faults[:FAULTS_TOLD]) + more

    def _note(self, table: Table, rows: list[Row], shapes: list[Any]) -> None:
        for row in rows:
            if len(self.faults) > FAULTS_TOLD:
                return
            self.faults += [f"{_place(table, row)}: {fault}" for fault in self._faults_of(table, row, shapes)]

    def _faults_of(self, table: Table, row: Row, shapes: list[Any]) -> Iterator[str]:
        for column, value, shape in zip(table.columns, row, shapes, strict=True):
            try:
                msgspec.convert(value, shape)
                _encoder.encode(value)
            except msgspec.ValidationError as error:
                yield f"{column.name}: {error}"
            except UnicodeEncodeError:
                yield f"{column.name} is no UTF-8"
            else:
                if self._is_for_postgres and isinstance(value, str) and "\x00" in value:
                    yield f"{column.name} holds a NUL character"


def _shape_of(column: Column[Any]) -> Any:
    is_small = isinstance(column.type, Integer) and not isinstance(column.type, BigInteger)
    shape: Any = _SMALL if is_small else column.type.python_type
    return shape | None if column.nullable else shape


def _place(table: Table, row: Row) -> str:
    """Name a row by its primary key."""
    named = zip(table.columns, row, strict=True)
    key = [f"{column.name} {value!a}" for column, value in named if column.primary_key]
    return f"`{table.name}` with {', '.join(key)}"
