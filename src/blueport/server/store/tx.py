"""A transaction as units of work see it, and the statements that they run in it.

A unit is a plain function `unit(tx, ...)`. It never commits: when it returns, its work is committed before anybody
hears of the result; when it raises, its work is undone.
"""

import functools
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Dialect, Insert, Table, bindparam, insert, literal, or_
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.selectable import SelectBase

from blueport.server.store.lists import lists_of

Value = str | int | None
Values = Mapping[str, Value]
# `line_ids=[...]` fills an among(column, "line_ids").
Given = Value | Sequence[str] | Sequence[int]
Topic = Literal["outbox", "signals", "deliveries", "events"]
Row = TypeVar("Row")


class _Compiled(NamedTuple):
    """A statement for one database.

    What of its values is always the same, which of them are lists that the database takes as JSON, and what picks all
    of them in order.
    """

    text: str
    constants: dict[str, Value]
    json_lists: list[str]
    picked: Callable[[Mapping[str, Given]], Sequence[Given]]


class Statement:
    """A Core statement, compiled once for each database and then run by the bare driver.

    Compiling costs a hundred times more than running; Core's own execution halves the accepts a second.
    """

    def __init__(self, core: SelectBase | UpdateBase, *, kept_of: Table | None = None) -> None:
        """Take *core*.

        With *kept_of*, all that it reads, its one row is asked for again and again: a store may keep it for as long as
        that is unchanged, or read it once for several units that ask at the same time.
        """
        self._core = core
        self._compiled: dict[str, _Compiled] = {}
        self.kept_of = kept_of
        self.changes = core.table if isinstance(core, UpdateBase) else None
        self.is_insert = isinstance(core, Insert)

    def text_and_values(self, dialect: Dialect, given: Mapping[str, Given]) -> tuple[str, Sequence[Given]]:
        """Return the SQL for *dialect* and the values to bind, by position."""
        compiled = self._compiled.get(dialect.name) or self._compiled_for(dialect)
        values = {**compiled.constants, **given} if compiled.constants else given
        if compiled.json_lists:
            values = {**values, **{name: msgspec.json.encode(given[name]).decode() for name in compiled.json_lists}}
        return compiled.text, compiled.picked(values)

    def _compiled_for(self, dialect: Dialect) -> "_Compiled":
        core = self._core.compile(dialect=dialect)
        assert isinstance(core, SQLCompiler)  # noqa: S101 - Core compiles statements to nothing else
        assert not core.post_compile_params  # noqa: S101 - its text would depend on values: see among()
        constants = {name: bind.value for name, bind in core.binds.items() if not bind.required}
        json_lists = lists_of(core) if dialect.name == "sqlite" else []
        compiled = _Compiled(core.string, constants, json_lists, _picking(core.positiontup or []))
        self._compiled[dialect.name] = compiled
        return compiled


def _picking(names: list[str]) -> Callable[[Mapping[str, Given]], Sequence[Given]]:
    """Return what takes *names* out of a mapping, in their order."""
    if len(names) > 1:
        return operator.itemgetter(*names)
    return lambda values: tuple(values[name] for name in names)


def fits(column: ColumnElement[str], name: str) -> ColumnElement[bool]:
    """Tell whether *column* is what is given as *name*; empty is anything."""
    return or_(literal("") == bindparam(name), column == bindparam(name))


def insert_into(table: Table) -> Insert:
    """Return an insert of one whole row of *table*, a value bound by each column's name."""
    columns = [column.name for column in table.columns if column.name != "seq"]
    return insert(table).values({name: bindparam(name) for name in columns}).inline()


def insert_unless_there(table: Table, columns: Iterable[str]) -> Insert:
    """Return an insert of a row of *table* with values for *columns* that does nothing where a unique one is taken."""
    values: dict[str, object] = {name: bindparam(name) for name in columns}
    return postgresql.insert(table).values(values).on_conflict_do_nothing().inline()  # SQLite says the same


class Tx(Protocol):
    """One transaction; `now_ms` is its time, the same for all that happens in it."""

    now_ms: int

    def all(self, shape: Callable[..., Row], statement: Statement, **given: Given) -> list[Row]:
        """Return every row, each made into a *shape* by position."""

    def one(self, shape: Callable[..., Row], statement: Statement, **given: Given) -> Row | None:
        """Return the first row as a *shape*, or None."""

    def change(self, statement: Statement, **given: Given) -> int:
        """Insert, update or delete; return how many rows it touched."""

    def change_each(self, statement: Statement, each: Iterable[Values]) -> None:
        """Do *statement* once for each set of values, at the latest before the next one or at the end.

        None of the values is a list: the statement is the same for all of them.
        """

    def processes(self) -> frozenset[str] | None:
        """Return the names of the processes that work on the database now, None if that cannot be known."""

    def wake(self, topic: Topic) -> None:
        """Once this is committed, wake who waits for *topic*."""


def add_row(tx: Tx, table: Table, row: Values) -> None:
    """Insert a row of *table*; what is None is left out: to bind a null costs SQLite's driver as much as ten texts."""
    given = {name: value for name, value in row.items() if value is not None} if None in row.values() else row
    tx.change_each(_insert_of(table, tuple(given)), [given])


@functools.cache
def _insert_of(table: Table, columns: tuple[str, ...]) -> Statement:
    return Statement(insert(table).values({name: bindparam(name) for name in columns}).inline())
