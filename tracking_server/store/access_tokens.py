"""Access tokens: made here, stored as digests only, found again by them.

A browser must not keep the token itself, since cookies go to every port of a host: it keeps a *proof* that
is derived from the token. What is stored is the digest of the proof, so that neither a cookie nor a copy of
the database yields a token, and a copy of the database yields no cookie:

    token --HMAC--> proof (cookie) --SHA-256--> digest (database)
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time

import msgspec
from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from tracking_server.errors import AlreadyExists, InvalidParameter, NotFound
from tracking_server.store.access_schema import access_tokens

FIRST_NAME = "first"
"""The name of the token that a server makes which needs one and has none."""

_PREFIX = "runner_"
_RANDOM_BYTES = 32
_NAME = re.compile(r"[\w.\-]{1,100}")


class AccessToken(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a token. The token itself is not."""

    name: str
    digest: str
    may_write: bool
    created_at_ms: int


def proof_of(token: bytes) -> str:
    """What a browser keeps to show that it was given `token`."""
    return hmac.digest(token, b"browser session", "sha256").hex()


def digest_of_proof(proof: bytes) -> str:
    """What is stored of a token, from its proof."""
    return hashlib.sha256(proof).hexdigest()


def digest_of(token: bytes) -> str:
    """What is stored of a token."""
    return digest_of_proof(proof_of(token).encode())


def create(connection: Connection, name: str, *, may_write: bool) -> str:
    """A new token, which is shown now or never. Raises InvalidParameter, or AlreadyExists for a used name."""
    if _NAME.fullmatch(name) is None:
        raise InvalidParameter(
            f"'{name[:120]}' cannot name a token: take up to 100 letters, digits, and any of _ . -"
        )
    token = _PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    row = {
        "name": name,
        "digest": digest_of(token.encode()),
        "may_write": may_write,
        "created_at_ms": time.time_ns() // 1_000_000,
    }
    try:
        with connection.begin_nested():
            connection.execute(insert(access_tokens).values(row))
    except IntegrityError:
        raise AlreadyExists(
            f"There is a token named '{name}' already. Revoke it, or take another name."
        ) from None
    return token


def create_first(connection: Connection) -> str | None:
    """A token that may do everything, where there is none at all; None where there is one."""
    if connection.execute(select(access_tokens.c.id).limit(1)).first() is not None:
        return None
    try:
        return create(connection, FIRST_NAME, may_write=True)
    except AlreadyExists:  # another process that started at the same moment made it, and shows it
        return None


def every(connection: Connection) -> list[AccessToken]:
    """All tokens by name."""
    columns = access_tokens.c
    rows = connection.execute(
        select(columns.name, columns.digest, columns.may_write, columns.created_at_ms).order_by(columns.name)
    )
    return [
        AccessToken(name=name, digest=digest, may_write=bool(may_write), created_at_ms=created_at_ms)
        for name, digest, may_write, created_at_ms in rows
    ]


def revoke(connection: Connection, name: str) -> None:
    """Make a token worthless. Raises NotFound, with the names there are."""
    if connection.execute(delete(access_tokens).where(access_tokens.c.name == name)).rowcount == 0:
        known = ", ".join(token.name for token in every(connection)) or "there are none"
        raise NotFound(f"There is no token named '{name[:120]}' (tokens: {known})")
