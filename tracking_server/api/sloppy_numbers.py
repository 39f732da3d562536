"""Numbers as MLflow's server takes them, beyond what the decoder knows: " 1 ", "05", "+Infinity", true.

MLflow hands texts to Python's `int` and `float`. Only requests that were refused are looked at this way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args, get_origin, get_type_hints

import msgspec


def with_plain_numbers(document: object, kind: Any) -> object:
    """`document` with a number wherever `kind` has one and Python can read what is there."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and isinstance(document, dict):
        hints = get_type_hints(kind)
        found = {
            name: with_plain_numbers(value, hints[name]) if name in hints else value
            for name, value in document.items()
        }
        return {name: value for name, value in found.items() if value is not _ABSENT}
    choices = get_args(kind)
    if get_origin(kind) is list and isinstance(document, list):
        return [with_plain_numbers(item, choices[0]) for item in document]
    kinds = {kind, *choices}
    if str in kinds:  # a text is as good there
        return document
    if float in kinds:
        return _read(document, float)
    if int in kinds:
        return _read(document, int)
    for choice in choices:
        document = with_plain_numbers(document, choice)
    return document


_ABSENT: Any = object()


def _read(value: object, read: Callable[[Any], float | int]) -> object:
    if isinstance(value, bool) and read is float:
        return read(value)
    if not isinstance(value, str):
        return value
    if not value:  # `max_results=` in a query
        return _ABSENT
    try:
        return read(value)
    except ValueError:
        return value
