"""Reading and writing the fields of the wire's JSON objects.

Integers may arrive as strings (protobuf's JSON does so), and what is not set is not sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

Json = Mapping[str, Any]


def whole(value: Any) -> int | None:
    """The integer of a field, None where it is not set."""
    return None if value is None else int(value)


def text(value: Any) -> str | None:
    """The text of a field, None where it is not set."""
    return None if value is None else str(value)


def without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are set."""
    return {name: value for name, value in values.items() if value is not None}


def as_dictionary(value: Any, names: Iterable[str] = ()) -> dict[str, Any]:
    """The attributes of a frozen value, or those called `names`, in alphabetical order as MLflow's are."""
    wanted = sorted(names or (field.name for field in fields(value)))
    return {name: getattr(value, name) for name in wanted}


__all__ = ["Json", "as_dictionary", "text", "whole", "without_none"]
