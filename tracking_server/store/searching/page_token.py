"""Page tokens: where a page ended, bound to the question it belongs to.

A token holds the sort key of the last row, so that the next page starts after that row whatever was
inserted meanwhile. It is checked against the question; it is no secret and grants nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TypeGuard

import msgspec

from tracking_server.errors import InvalidParameter


def write(position: object, *, about: object) -> str:
    """A token for `position` in the answers to `about`; both are JSON-able."""
    document = msgspec.json.encode([_fingerprint(about), position])
    return base64.urlsafe_b64encode(document).decode("ascii")


def read(token: str, *, about: object) -> object:
    """The position in `token`. Raises InvalidParameter where it is broken or belongs to another question."""
    try:
        document = msgspec.json.decode(base64.urlsafe_b64decode(token.encode("ascii")))
    except (ValueError, binascii.Error, msgspec.DecodeError, RecursionError):
        document = None
    match document:
        case [str(fingerprint), position] if fingerprint == _fingerprint(about):
            return position
        case [str(), _]:
            raise InvalidParameter(
                "The page token belongs to another search: send it with the filter and order it came with."
            )
    raise InvalidParameter("Invalid page token")


def is_int64(value: object) -> TypeGuard[int]:
    """Whether a part of a position, which a client sent, is an integer as databases have it; no bool is."""
    return type(value) is int and -(2**63) <= value < 2**63


def _fingerprint(about: object) -> str:
    return hashlib.sha256(msgspec.json.encode(about)).hexdigest()[:16]
