"""The meaning of a filter: a tree of comparisons, and the order of the answer.

Every comparison is either true or false for an entity; there is no third "unknown". A comparison with
something the entity does not have is false (only IS NULL is true of it), so NOT of it is true.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Entity = Literal["attribute", "metric", "param", "tag", "dataset"]
Operator = Literal["=", "!=", "<", "<=", ">", ">=", "LIKE", "ILIKE", "IN", "NOT IN", "IS NULL", "IS NOT NULL"]
Value = str | float | int | tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """`entity.key operator value`. The value is a tuple for IN and NOT IN and None for IS [NOT] NULL."""

    entity: Entity
    key: str
    operator: Operator
    value: Value = None


@dataclass(frozen=True, slots=True)
class And:
    """True where every part is; true without parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """True where any part is."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True where the part is false."""

    part: Node


Node = Comparison | And | Or | Not

EVERYTHING = And(())
"""The meaning of an empty filter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderKey:
    """One key of an order. Entities without it come last, whichever the direction."""

    entity: Entity
    key: str
    ascending: bool = True
