"""Questions about many rows at once, by their ids, which every page of runs asks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, select

from tracking_server.store import plain

_IDS = select(func.json_each(bindparam("ids")).table_valued("value").c.value)


class OfMany:
    """`statement` for those rows whose `column`, a number, is one of the ids that are given."""

    def __init__(self, column: ColumnElement[int], statement: Select[Any]) -> None:
        self._by_list = statement.where(column.in_(bindparam("ids", expanding=True)))
        # One text for any number of ids, which need not be made nor compiled again.
        self._by_json = statement.where(column.in_(_IDS))

    def rows(self, connection: Connection, ids: Sequence[int], **values: Any) -> Sequence[Any]:
        """The rows as tuples. Raises DBAPIError."""
        if plain.serves(connection):
            return plain.rows(connection, self._by_json, {**values, "ids": json.dumps(ids)})
        return connection.execute(self._by_list, {**values, "ids": ids}).all()

    def named(self, connection: Connection, ids: Sequence[int], **values: Any) -> Sequence[Any]:
        """The rows, with columns by name. Raises DBAPIError."""
        found = self.rows(connection, ids, **values)
        return plain.named(self._by_json, found) if plain.serves(connection) else found
