"""Calls of any HTTP method that fail where they are carried out a second time, such as deleting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracking_client.errors import ApiError, Unauthorized
from tracking_client.transport import Transport


def call_once(transport: Transport, method: str, path: str, body: Mapping[str, Any] | None = None) -> None:
    """One call whose failure after a lost answer is the echo of its success, and is none here.

    Raises ApiError and TransportError for every other failure.
    """
    try:
        transport.call(method, path, body=body)
    except ApiError as error:
        if not error.maybe_repeated or isinstance(error, Unauthorized) or error.status == 429:
            raise


__all__ = ["call_once"]
