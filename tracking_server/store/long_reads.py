"""Reads that may take long: they wait for one another, so that the others need not wait for them.

Nobody knows it of a search before its first looks. Such a read begins among the short ones, says so when it
finds out, and begins again among the long ones.
"""

from __future__ import annotations

from sqlalchemy import Connection

SHORT = "is_short_read"
"""The execution option of a connection on which nothing may take long."""


class TakesLong(Exception):
    """The work begins again where it may take long."""


def begin(connection: Connection) -> None:
    """What follows may take long. Raises TakesLong where it must not."""
    if connection.get_execution_options().get(SHORT):
        raise TakesLong
