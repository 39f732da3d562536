"""Calls that must fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def refused(call: Callable[[], object]) -> Any:
    """The error that a call which must fail ends with."""
    try:
        call()
    except Exception as error:  # noqa: BLE001  # several classes, by version
        return error
    raise AssertionError("the call should have failed")
