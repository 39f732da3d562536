"""Tokens of a store, made and taken back without its server: by the command line, while servers run.

Servers notice within seconds. All functions raise StartRefused where the store cannot be opened or is not
one yet, and ServerError for what is wrong with the request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import sqlalchemy
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from tracking_server.errors import StartRefused
from tracking_server.settings import Settings
from tracking_server.store import access_tokens, connections, failures
from tracking_server.store.access_schema import access_tokens as table
from tracking_server.store.access_tokens import AccessToken

T = TypeVar("T")


def create(store_uri: str, name: str, *, may_write: bool) -> str:
    """A new token. It is shown now or never."""
    return _in(store_uri, lambda connection: access_tokens.create(connection, name, may_write=may_write))


def every(store_uri: str) -> list[AccessToken]:
    """What is known of all tokens."""
    return _in(store_uri, access_tokens.every)


def revoke(store_uri: str, name: str) -> None:
    """Make a token worthless."""
    _in(store_uri, lambda connection: access_tokens.revoke(connection, name))


def _in(store_uri: str, work: Callable[[Connection], T]) -> T:
    """Do `work` in a transaction of an existing store."""
    settings = Settings(backend_store_uri=store_uri)
    path = settings.sqlite_path
    if path is not None and not path.exists():
        raise _no_store(str(path))
    engines = connections.engines(settings)
    writing = engines[0]
    try:
        with writing.begin() as connection:
            if not sqlalchemy.inspect(connection).has_table(table.name):
                raise _no_store(connections.describe(settings))
            return work(connection)
    except SQLAlchemyError as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        if isinstance(error, DBAPIError) and not failures.is_lost(error):
            raise failures.as_server_error(error) from error
        raise StartRefused(f"Cannot open the database {connections.describe(settings)}: {reason}") from error
    finally:
        for engine in engines:
            engine.dispose()


def _no_store(where: str) -> StartRefused:
    return StartRefused(
        f"There is no store with tokens in {where}: start `runner server` on it once. Where it needs a token "
        "and has none, it makes the first one itself."
    )
