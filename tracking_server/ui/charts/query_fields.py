"""Fields of a query that are numbers. Who follows a link that says something else is told which field."""

from __future__ import annotations

import math

from starlette.datastructures import QueryParams

from tracking_server.errors import InvalidParameter


def number(query: QueryParams, name: str) -> float | None:
    """A finite number; None where the field is absent or empty. Raises InvalidParameter."""
    text = query.get(name, "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InvalidParameter(f"'{name}' must be a number, not '{text[:100]}'.")
    return value


def whole_number(query: QueryParams, name: str, *, default: int, least: int, most: int) -> int:
    """A whole number within bounds. Raises InvalidParameter."""
    value = number(query, name)
    if value is None:
        return default
    if value != int(value) or not least <= value <= most:
        raise InvalidParameter(f"'{name}' must be a whole number from {least:,} to {most:,}.")
    return int(value)
