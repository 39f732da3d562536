"""Transactions of the one connection that writes.

SQLite's connection is kept from one transaction to the next, and its driver begins and ends them itself:
SQLAlchemy's work for that takes longer than most transactions do. A connection to a server is taken from the
pool each time, which makes a new one where it has grown old.
"""

from __future__ import annotations

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from tracking_server.store import plain


class Transactions:
    """One transaction after another. Used by the writer's thread only.

    Between `begin` and either `commit` or `roll_back` the connection is the caller's.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: Connection | None = None

    def begin(self) -> Connection:
        """A connection within a new transaction. Raises DBAPIError."""
        if self._engine.dialect.name == "sqlite":
            connection = self._kept = self._kept or plain.prepared(self._engine.connect())
            plain.begin(connection)
            return connection
        connection = self._engine.connect()
        try:
            connection.begin()
        except DBAPIError:
            connection.close()
            raise
        return connection

    def commit(self, connection: Connection) -> None:
        """Put on disk what was done. Raises DBAPIError: then it must be rolled back."""
        if connection is self._kept:
            plain.commit(connection)
        else:
            connection.commit()
            connection.close()

    def roll_back(self, connection: Connection) -> None:
        """Take back what was done. Raises DBAPIError."""
        if connection is self._kept:
            plain.roll_back(connection)
        else:
            connection.close()  # which rolls back

    def start_anew(self) -> None:
        """Let go of every connection, and of what it remembers: the next transaction gets another."""
        if self._kept is not None:
            self._kept.invalidate()
            self._kept.close()
            self._kept = None
        self._engine.dispose()
