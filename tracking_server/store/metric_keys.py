"""Metric names and their small integer ids.

The writer remembers the ids beside its connection; what it remembers is dropped whenever work is rolled
back, since the id may have been part of it.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, select

from tracking_server.store.schema import metric_keys
from tracking_server.store.upsert import insert_missing

_REMEMBERED = "metric key ids"
_MAX_REMEMBERED = 20_000

_FIND = select(metric_keys.c.name, metric_keys.c.id).where(
    metric_keys.c.name.in_(bindparam("names", expanding=True))
)
_CHUNK = 500


def find(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    """The ids of those `names` that exist."""
    wanted = list(names)
    found: dict[str, int] = {}
    for start in range(0, len(wanted), _CHUNK):
        rows = connection.execute(_FIND, {"names": wanted[start : start + _CHUNK]})
        found.update((name, key_id) for name, key_id in rows)
    return found


def ensure(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    """The ids of `names`, made where missing. Only for the writer."""
    remembered: dict[str, int] = connection.info.setdefault(_REMEMBERED, {})
    wanted = set(names)
    unknown = sorted(wanted - remembered.keys())
    if unknown:
        found = find(connection, unknown)
        missing = [name for name in unknown if name not in found]
        if missing:
            insert_missing(connection, metric_keys, [{"name": name} for name in missing])
            found.update(find(connection, missing))
        if len(remembered) > _MAX_REMEMBERED:
            remembered.clear()
            found.update(find(connection, wanted))
        remembered.update(found)
    return {name: remembered[name] for name in wanted}


def forget(connection: Connection) -> None:
    """Drop what is remembered beside `connection`."""
    connection.info.pop(_REMEMBERED, None)
