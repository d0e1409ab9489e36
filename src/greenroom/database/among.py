"""Asking for many at once, with the same SQL however many they are.

`column.in_(values)` writes one parameter for each value: another statement for each number of
them, compiled, sent, parsed and planned anew each time. An array is one parameter.
"""

from collections.abc import Collection, Sequence
from typing import TypeVar

from sqlalchemy import ColumnElement, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY

T = TypeVar("T")
S = TypeVar("S")


def among(column: ColumnElement[T], values: Collection[T]) -> ColumnElement[bool]:
    """`column` is one of `values`."""
    return column == func.any(_array(column, values))


def pair_among(
    first: ColumnElement[T], second: ColumnElement[S], pairs: Collection[tuple[T, S]]
) -> ColumnElement[bool]:
    """(`first`, `second`) is one of `pairs`."""
    given = func.unnest(
        _array(first, [each for each, _ in pairs]), _array(second, [each for _, each in pairs])
    )
    rows = given.table_valued("first", "second").render_derived()
    return tuple_(first, second).in_(select(rows.c.first, rows.c.second))


def _array(column: ColumnElement[T], values: Collection[T]) -> ColumnElement[Sequence[T]]:
    return literal(list(values), ARRAY(column.type))
