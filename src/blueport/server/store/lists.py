"""A list of any length as one value of a statement, so that its text is always the same and is parsed once."""

from sqlalchemy import BinaryExpression, ColumnElement, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.operators import custom_op
from sqlalchemy.types import Boolean, NullType


class _List(NullType):
    """What is bound to it is a list."""


class _Among(BinaryExpression[bool]):
    """Whether what is on the left is in the list on the right."""

    inherit_cache = True


def among(column: ColumnElement[object], name: str) -> ColumnElement[bool]:
    """Tell whether *column* has one of the values that are given as *name*."""
    return _Among(column, bindparam(name, type_=_List()), custom_op("among"), type_=Boolean())


def lists_of(compiled: SQLCompiler) -> list[str]:
    """Return the names of the lists that are to be given."""
    return [name for name, bind in compiled.binds.items() if isinstance(bind.type, _List)]


@compiles(_Among, "sqlite")
def _in_json(element: _Among, compiler: SQLCompiler, **more: object) -> str:
    left, right = compiler.process(element.left, **more), compiler.process(element.right, **more)
    return f"{left} IN (SELECT value FROM json_each({right}))"


@compiles(_Among, "postgresql")
def _in_array(element: _Among, compiler: SQLCompiler, **more: object) -> str:
    left, right = compiler.process(element.left, **more), compiler.process(element.right, **more)
    return f"{left} = ANY ({right})"
