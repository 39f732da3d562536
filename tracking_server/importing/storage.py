"""Where the files of an imported model version are in this store, and whose they are."""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import unquote

from sqlalchemy import Connection, false, select
from sqlalchemy.engine import Row

from tracking_server.artifacts.paths import safe_path
from tracking_server.errors import InvalidParameter
from tracking_server.store.schema import logged_models, runs

_MODEL_URI = re.compile(r"models:/(m-[0-9a-zA-Z\-]+)(/.*)?")
_IN_MODEL = re.compile(r".*/models/(m-[0-9a-zA-Z\-]+)/artifacts(/.*)?")
_IN_RUN = re.compile(r".*/([0-9a-f]{32})/artifacts(/.*)?")
_RUN_URI = re.compile(r"runs:/+([^/]+)(?:/(.*))?")


class Moved(NamedTuple):
    """A location in this store; the run or logged model whose it is, the other one empty."""

    location: str
    run_id: str = ""
    model_id: str | None = None


def moved(connection: Connection, location: str) -> Moved | None:
    """Where `location`, among the artifacts of a run or logged model, is here; None where that is nowhere."""
    for pattern in (_MODEL_URI, _IN_MODEL):
        match = pattern.fullmatch(location)
        row = None if match is None else _named(connection, logged_models, match[1])
        if match is not None and row is not None:
            return Moved(f"{row.artifact_uri}{match[2] or ''}", model_id=row.uuid)
    if (match := _RUN_URI.fullmatch(location)) is not None:
        return _of_run_uri(connection, match[1], match[2] or "")
    match = _IN_RUN.fullmatch(location)
    row = None if match is None else _named(connection, runs, match[1])
    if match is None or row is None:
        return None
    return Moved(f"{row.artifact_uri}{match[2] or ''}", run_id=row.uuid)


def _named(connection: Connection, table: Any, uuid: str) -> Row[Any] | None:
    return connection.execute(select(table).where(table.c.uuid == uuid)).first()


def _of_run_uri(connection: Connection, run_id: str, path: str) -> Moved | None:
    """`runs:/<id>/<path>`: what the run logged as a model under this name comes before its own artifacts."""
    run = _named(connection, runs, run_id)
    try:
        inside = safe_path(path)
    except InvalidParameter:
        return None
    if run is None or unquote(path) != path:
        return None
    name, _, rest = inside.partition("/")
    of_run = select(logged_models).where(
        logged_models.c.source_run_uuid == run_id,
        logged_models.c.name == name,
        logged_models.c.deleted == false(),
    )
    model = connection.execute(of_run.order_by(logged_models.c.created_at_ms.desc())).first()
    if model is not None:
        return Moved(f"{model.artifact_uri}/{rest}".rstrip("/"), run_id=run_id, model_id=model.uuid)
    return Moved(f"{run.artifact_uri}/{inside}".rstrip("/"), run_id=run_id)


def model_id_of(source: str) -> str | None:
    """The id of the logged model that a source names, here or not."""
    match = _MODEL_URI.fullmatch(source) or _IN_MODEL.fullmatch(source)
    return match[1] if match else None
