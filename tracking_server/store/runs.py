"""Runs: their life, their parameters and their tags. Metrics live in `metrics`, datasets in `inputs`.

Every function works inside the caller's transaction; those that change something belong to the writer.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Connection, bindparam, delete, false, insert, select, update
from sqlalchemy.engine import Row

from tracking_client.wire import limits, names
from tracking_server.errors import InvalidParameter, NotFound
from tracking_server.store import experiments, heartbeats, inputs, metrics, plain
from tracking_server.store.clock import now_ms
from tracking_server.store.metrics import MetricPoint
from tracking_server.store.of_many import OfMany
from tracking_server.store.opaque import opaque
from tracking_server.store.records import Run, RunData, RunInfo, Tag
from tracking_server.store.run_names import random_name
from tracking_server.store.schema import HEAD_LENGTH, params, run_tags, runs
from tracking_server.store.upsert import insert_missing, insert_or_update

COLLECTED = "gc:"
"""What the id of a run begins with that is being removed for good; only `runner server gc` makes such ids."""

STATUSES = ("SCHEDULED", "RUNNING", "FINISHED", "FAILED", "KILLED")
OVER = frozenset({"FINISHED", "FAILED", "KILLED"})

_CHUNK = 500
_NEW = insert(runs)
_BY_UUID = select(runs).where(runs.c.uuid == bindparam("wanted"))
_PARAM_VALUES = select(params.c.key, params.c.value).where(
    params.c.run_id == bindparam("run"), params.c.key.in_(bindparam("keys", expanding=True))
)
_CHILDREN = (
    select(runs)
    .where(runs.c.parent_uuid.in_(bindparam("parents", expanding=True)), opaque(runs.c.deleted == false()))
    .order_by(runs.c.start_ms, runs.c.uuid)
    .limit(bindparam("limit"))
)
_BY_ID = OfMany(runs.c.id, select(runs))
_PARAMS = OfMany(
    params.c.run_id,
    select(params.c.run_id, params.c.key, params.c.value).order_by(*params.primary_key),
)
_TAGS = OfMany(
    run_tags.c.run_id,
    select(run_tags.c.run_id, run_tags.c.key, run_tags.c.value).order_by(*run_tags.primary_key),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run to be made. `run_id` None lets the store choose; times are epoch milliseconds."""

    experiment_id: str
    user_id: str = ""
    name: str = ""
    start_ms: int | None = None
    tags: Mapping[str, str]
    run_id: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)


def create(connection: Connection, new: NewRun) -> Run:
    """Make a run and return it. With a `run_id` that this experiment already has: that run, unchanged.

    Raises NotFound for an unknown experiment, InvalidParameter for a deleted one, contradicting names, or a
    `run_id` that belongs to another experiment.
    """
    if new.run_id is not None:
        existing = _by_uuid(connection, new.run_id)
        if existing is not None:
            return _the_same(connection, existing, new)
    experiment = experiments.active_row(connection, new.experiment_id)
    name = _agreed_name(new)
    run_id = new.run_id or uuid.uuid4().hex
    tags = {**new.tags, names.RUN_NAME: name}
    start_ms = now_ms() if new.start_ms is None else new.start_ms
    values = {
        "uuid": run_id,
        "experiment_id": experiment.id,
        "name": name,
        "user_id": new.user_id,
        "status": "RUNNING",
        "start_ms": start_ms,
        "artifact_uri": f"{experiment.artifact_location.rstrip('/')}/{run_id}/artifacts",
        "deleted": False,
        "parent_uuid": _parent_in(tags),
    }
    row_id = _inserted(connection, values)
    insert_or_update(connection, run_tags, _rows((row_id, experiment.id, start_ms), tags))
    if new.params:
        insert_or_update(connection, params, _rows((row_id, experiment.id, start_ms), new.params))
    # A new run has nothing but these: no need to ask every table.
    data = RunData(tags=_sorted_by_key(tags), params=_sorted_by_key(new.params))
    return Run(info=info(SimpleNamespace(**values, end_ms=None)), data=data)


def _sorted_by_key(values: Mapping[str, str]) -> tuple[Tag, ...]:
    return tuple(Tag(key, value) for key, value in sorted(values.items()))


def _inserted(connection: Connection, values: Mapping[str, Any]) -> int | None:
    if plain.serves(connection):
        return plain.insert(connection, _NEW, values)
    (row_id,) = connection.execute(_NEW, values).inserted_primary_key or (None,)
    return row_id


def _the_same(connection: Connection, existing: Row[Any], new: NewRun) -> Run:
    if existing.experiment_id != experiments.parse_id(new.experiment_id):
        raise InvalidParameter(
            f"Run '{new.run_id}' exists already, in experiment {existing.experiment_id} and not in "
            f"{new.experiment_id}."
        )
    return whole(connection, [existing])[0]


def _agreed_name(new: NewRun) -> str:
    tag = new.tags.get(names.RUN_NAME, "")
    if new.name and tag and new.name != tag:
        raise InvalidParameter(
            "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values "
            f"(run_name='{new.name}', mlflow.runName='{tag}')."
        )
    return new.name or tag or random_name()


def _rows(run: tuple[int | None, int, int], values: Mapping[str, str]) -> list[dict[str, Any]]:
    """Rows of `params` or `run_tags` for a run (id, experiment, start), with what their index needs."""
    row_id, experiment_id, start_ms = run
    return [
        {
            "run_id": row_id,
            "key": key,
            "value": value,
            "experiment_id": experiment_id,
            "start_ms": start_ms,
            "head": value[:HEAD_LENGTH],
        }
        for key, value in values.items()
    ]


def _copied(row: Row[Any]) -> tuple[int, int, int]:
    return row.id, row.experiment_id, row.start_ms


def _by_uuid(connection: Connection, run_id: str) -> Row[Any] | None:
    wanted = {"wanted": run_id}
    if plain.serves(connection):
        return plain.first(connection, _BY_UUID, wanted)  # type: ignore[no-any-return]  # as good as a Row
    return connection.execute(_BY_UUID, wanted).first()


def find(connection: Connection, run_id: str) -> Row[Any]:
    """The row of a run, deleted or not. Raises NotFound."""
    row = _by_uuid(connection, run_id)
    if row is None:
        raise NotFound(f"Run with id={run_id} not found")
    return row


def find_active(connection: Connection, run_id: str) -> Row[Any]:
    """The row of a run that may be written to. Raises NotFound, or InvalidParameter for a deleted run."""
    row = find(connection, run_id)
    if row.deleted:
        raise InvalidParameter(f"The run {run_id} must be in the 'active' state. Current state is deleted.")
    return row


def get(connection: Connection, run_id: str) -> Run:
    """The whole run, deleted or not. Raises NotFound."""
    return whole(connection, [find(connection, run_id)])[0]


def info(row: Any) -> RunInfo:
    """A row of the table `runs` as the wire's RunInfo."""
    return RunInfo(
        run_uuid=row.uuid,
        experiment_id=str(row.experiment_id),
        run_name=row.name,
        user_id=row.user_id,
        status=row.status,
        start_time=row.start_ms,
        end_time=row.end_ms,
        artifact_uri=row.artifact_uri,
        lifecycle_stage="deleted" if row.deleted else "active",
        run_id=row.uuid,
    )


def whole_by_id(connection: Connection, ids: Sequence[int]) -> list[Run]:
    """Whole runs by the ids of their rows, in this order."""
    found = {
        row.id: row
        for start in range(0, len(ids), _CHUNK)
        for row in _BY_ID.named(connection, ids[start : start + _CHUNK])
    }
    return whole(connection, [found[run] for run in ids])


def whole(connection: Connection, rows: Iterable[Row[Any]]) -> list[Run]:
    """Whole runs for their rows, in the same order; a few queries for each five hundred."""
    found = list(rows)
    result: list[Run] = []
    for start in range(0, len(found), _CHUNK):
        chunk = found[start : start + _CHUNK]
        ids = [row.id for row in chunk]
        latest = metrics.latest(connection, ids)
        values = _grouped(connection, _PARAMS, ids)
        tags = _grouped(connection, _TAGS, ids)
        read = inputs.of_runs(connection, ids)
        made = inputs.outputs_of_runs(connection, ids)
        result.extend(
            Run(
                info=info(row),
                data=RunData(
                    metrics=tuple(latest[row.id]), params=tuple(values[row.id]), tags=tuple(tags[row.id])
                ),
                inputs=read[row.id],
                outputs=made[row.id],
            )
            for row in chunk
        )
    return result


def _grouped(connection: Connection, about: OfMany, ids: Sequence[int]) -> dict[int, list[Tag]]:
    grouped: dict[int, list[Tag]] = {run: [] for run in ids}
    for run, key, value in about.rows(connection, ids):
        grouped[run].append(Tag(key, value))
    return grouped


def recent(connection: Connection, limit: int) -> list[Run]:
    """The newest runs of all experiments, deleted ones left out."""
    newest = select(runs).where(runs.c.deleted == false()).order_by(runs.c.start_ms.desc(), runs.c.id.desc())
    return whole(connection, connection.execute(newest.limit(limit)))


def descendants(connection: Connection, parents: Iterable[Run], limit: int) -> list[Run]:
    """Runs nested under `parents` at any depth, level by level and oldest first; at most `limit`."""
    seen = {run.info.run_id for run in parents}
    level = sorted(seen)
    rows: list[Row[Any]] = []
    while level and len(rows) < limit:
        children = connection.execute(
            _CHILDREN, {"parents": level[:_CHUNK], "limit": limit - len(rows)}
        ).all()
        fresh = [row for row in children if row.uuid not in seen]
        rows.extend(fresh)
        level = [row.uuid for row in fresh]
        seen.update(level)
    return whole(connection, rows)


def change(
    connection: Connection,
    run_id: str,
    *,
    status: str | None = None,
    end_ms: int | None = None,
    name: str | None = None,
) -> RunInfo:
    """Change what is given of an active run. Raises NotFound, InvalidParameter."""
    row = find_active(connection, run_id)
    values: dict[str, object] = {}
    if status is not None:
        values["status"] = status
    if end_ms is not None:
        values["end_ms"] = end_ms
    if name:
        values["name"] = name
        insert_or_update(connection, run_tags, _rows(_copied(row), {names.RUN_NAME: name}))
    if values:
        connection.execute(update(runs).where(runs.c.id == row.id).values(**values))
    return info(find(connection, run_id))


def set_deleted(connection: Connection, run_id: str, *, deleted: bool) -> None:
    """Delete or restore a run; doing it twice is harmless. Raises NotFound."""
    row = find(connection, run_id)
    if run_id.startswith(COLLECTED):
        raise NotFound(f"Run with id={run_id} not found")
    if bool(row.deleted) != deleted:
        connection.execute(
            update(runs)
            .where(runs.c.id == row.id)
            .values(deleted=deleted, deleted_at_ms=now_ms() if deleted else None)
        )


def log(
    connection: Connection,
    run_id: str,
    *,
    points: Sequence[MetricPoint] = (),
    new_params: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
) -> None:
    """Log all of it or nothing to an active run. What is there already is not stored twice.

    Raises NotFound, and InvalidParameter for a deleted run or a parameter that has another value.
    """
    row = find_active(connection, run_id)
    if new_params:
        _log_params(connection, row, new_params)
    if points:
        metrics.store(connection, row, points)
    if tags:
        heartbeats.reopen_if_it_was_lost(connection, row, tags)
        set_tags(connection, row, tags)


def _log_params(connection: Connection, run: Row[Any], new: Mapping[str, str]) -> None:
    if insert_missing(connection, params, _rows(_copied(run), new)) == len(new):
        return
    stored = {
        row.key: row.value for row in connection.execute(_PARAM_VALUES, {"run": run.id, "keys": list(new)})
    }
    for key, value in new.items():
        if stored[key] != value:
            raise InvalidParameter(
                f"Changing param values is not allowed. Param with key='{key}' was already logged with "
                f"value='{stored[key]}' for run ID='{run.uuid}'. Attempted logging new value '{value}'."
            )


def set_tags(connection: Connection, run: Row[Any], tags: Mapping[str, str]) -> None:
    """Set tags of a run (its row of the table `runs`), and what the run itself keeps of them."""
    insert_or_update(connection, run_tags, _rows(_copied(run), tags))
    copies: dict[str, object] = {}
    if tags.get(names.RUN_NAME):
        copies["name"] = tags[names.RUN_NAME]
    if names.PARENT_RUN_ID in tags:
        copies["parent_uuid"] = _parent_in(tags)
    if copies:
        connection.execute(update(runs).where(runs.c.id == run.id).values(**copies))


def _parent_in(tags: Mapping[str, str]) -> str | None:
    """The run that tags say to be the parent; None where they name none. Anything may stand there."""
    return tags[names.PARENT_RUN_ID][:256] if names.PARENT_RUN_ID in tags else None


def delete_tag(connection: Connection, run_id: str, key: str) -> None:
    """Remove a tag of an active run. Raises InvalidParameter; NotFound also where there is no such tag."""
    row = find_active(connection, run_id)
    gone = connection.execute(
        delete(run_tags).where(run_tags.c.run_id == row.id, run_tags.c.key == key)
    ).rowcount
    if gone == 0:
        raise NotFound(f"No tag with name: {key} in run with id {run_id}")
    if key == names.PARENT_RUN_ID:
        connection.execute(update(runs).where(runs.c.id == row.id).values(parent_uuid=None))


def truncated(values: Mapping[str, str], max_length: int) -> dict[str, str]:
    """`values` cut to `max_length` characters each, as MLflow does by default."""
    return {key: value[:max_length] for key, value in values.items()}


MAX_PARAM_LENGTH = limits.MAX_PARAM_VALUE_LENGTH
MAX_TAG_LENGTH = limits.MAX_TAG_VALUE_LENGTH
