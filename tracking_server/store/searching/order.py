"""Total orders: what a page is sorted by, where it ended, and what comes after that.

Sort keys are never NULL (a rank in front says "absent" or "NaN") and end with a unique one. Texts are
compared byte by byte, by the databases as by Python, so that rows from several queries can be merged here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cmp_to_key
from typing import Any

from sqlalchemy import ColumnElement, String, and_, false, or_

from tracking_server.errors import InvalidParameter

Value = str | int | float
Position = Sequence[Value]
"""The sort keys of one row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SortKey:
    """One column of a total order; never NULL."""

    expression: ColumnElement[Any]
    ascending: bool = True


def checked(position: object, keys: Sequence[SortKey]) -> list[Value]:
    """`position`, which a client sent, as one in the order of `keys`. Raises InvalidParameter."""
    if not isinstance(position, list) or len(position) != len(keys):
        raise InvalidParameter("Invalid page token")
    for value, key in zip(position, keys, strict=True):
        kinds = (str,) if isinstance(key.expression.type, String) else (int, float)
        if type(value) not in kinds:
            raise InvalidParameter("Invalid page token")
    return position


def beyond(keys: Sequence[SortKey], position: Position) -> ColumnElement[bool]:
    """Whether a row comes after `position`, as SQL."""
    after: ColumnElement[bool] = false()
    for key, value in reversed(list(zip(keys, position, strict=True))):
        further = key.expression > value if key.ascending else key.expression < value
        after = or_(further, and_(key.expression == value, after))
    # Implied by the rest; it gives the database a range of an index to start from.
    first = keys[0].expression >= position[0] if keys[0].ascending else keys[0].expression <= position[0]
    return and_(first, after)


def sql_order(keys: Sequence[SortKey]) -> list[ColumnElement[Any]]:
    """`keys` for ORDER BY."""
    return [key.expression.asc() if key.ascending else key.expression.desc() for key in keys]


def compare(one: Position, other: Position, ascending: Sequence[bool]) -> int:
    """Negative where `one` comes first, 0 where neither does; as far as the shortest of the three goes."""
    for left, right, upwards in zip(one, other, ascending, strict=False):
        if left != right:
            return -1 if (left < right) is upwards else 1  # type: ignore[operator]  # of one kind: `checked`
    return 0


def sorting(ascending: Sequence[bool]) -> Callable[[Position], Any]:
    """A key for `sorted`: the order in which the n-th value goes upwards where `ascending[n]`."""
    return cmp_to_key(lambda one, other: compare(one, other, ascending))
