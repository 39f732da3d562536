"""Records become rows. Works inside the caller's transaction and belongs to the writer.

What is here wins: a record adds what is not here yet, and what is otherwise here stays and is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, select, update
from sqlalchemy.engine import Row

from tracking_server.importing import absorb_models, absorb_registry, absorb_runs
from tracking_server.importing.checks import problem_of
from tracking_server.importing.records import (
    AliasRecord,
    ExperimentBegin,
    ExperimentEnd,
    ModelPoints,
    ModelRecord,
    ModelsHere,
    Place,
    Problem,
    Record,
    RegisteredModelRecord,
    Reply,
    RunBegin,
    RunEnd,
    RunPoints,
    RunsHere,
    VersionRecord,
)
from tracking_server.importing.taken import Taken, add_tags
from tracking_server.store import experiments
from tracking_server.store.experiments import DEFAULT_ID, parse_id
from tracking_server.store.schema import experiment_tags
from tracking_server.store.schema import experiments as experiment_rows
from tracking_server.store.upsert import insert_missing

LARGEST_KEPT_ID = 2**31 - 1
"""Experiment ids above are not kept: MLflow's file store draws 18 digits, which JavaScript cannot hold."""

BEING_MADE_MS = -1
"""The last change of an experiment whose first import has not ended: no clock says so, and every change that
somebody makes here says otherwise."""


def absorb(connection: Connection, records: Sequence[Record], *, artifact_root: str) -> Reply:
    """Store `records` in order. Raises ServerError where nothing of them can be taken."""
    taken = Taken()
    for record in records:
        problem = problem_of(record)
        if problem is None:
            _store(connection, record, artifact_root, taken)
        else:
            taken.problems.append(problem)
    return Reply(
        places=tuple(taken.places),
        runs_here=tuple(taken.runs_here),
        followed=tuple(taken.followed),
        problems=tuple(taken.problems),
    )


def _store(connection: Connection, record: Record, artifact_root: str, taken: Taken) -> None:
    match record:
        case ExperimentBegin():
            taken.places.append(_experiment(connection, record, artifact_root, taken))
        case ExperimentEnd():
            _end_experiment(connection, record, taken)
        case RunsHere() | RunBegin() | RunPoints() | RunEnd():
            absorb_runs.absorb(connection, record, taken)
        case ModelsHere() | ModelRecord() | ModelPoints():
            absorb_models.absorb(connection, record, taken)
        case RegisteredModelRecord() | VersionRecord() | AliasRecord():
            absorb_registry.absorb(connection, record, taken)


def _experiment(connection: Connection, record: ExperimentBegin, root: str, taken: Taken) -> Place:
    what = f"experiment '{record.name}'"
    row = connection.execute(select(experiment_rows).where(experiment_rows.c.name == record.name)).first()
    if row is None:
        row = _new_experiment(connection, record, root)
        if str(row.id) != record.source_id:
            why = f"it has the id {row.id} here; {record.source_id} is taken, or too long a number"
            taken.problems.append(Problem(kind="experiment", what=what, why=why, lost=False))
    elif row.id == DEFAULT_ID and record.creation_time:
        _make_older(connection, record.creation_time)
    add_tags(connection, experiment_tags, ("experiment_id", row.id), record.tags, what, taken)
    return Place(
        source_id=record.source_id,
        experiment_id=str(row.id),
        artifact_location=row.artifact_location.rstrip("/"),
    )


def _make_older(connection: Connection, created_ms: int) -> None:
    """The default experiment came with the store, and is now as old as the oldest that it has taken in."""
    connection.execute(
        update(experiment_rows)
        .where(experiment_rows.c.id == DEFAULT_ID, experiment_rows.c.created_at_ms > created_ms)
        .values(created_at_ms=created_ms)
    )


def _new_experiment(connection: Connection, record: ExperimentBegin, root: str) -> Row[Any]:
    is_number = record.source_id.isascii() and record.source_id.isdigit() and len(record.source_id) <= 20
    wanted = int(record.source_id) if is_number else -1
    taken = select(experiment_rows.c.id).where(experiment_rows.c.id == wanted)
    if not 0 <= wanted <= LARGEST_KEPT_ID or connection.execute(taken).first() is not None:
        made = experiments.create(
            connection, record.name, artifact_location=None, artifact_root=root, tags={}
        )
        wanted = int(made)
    else:
        row = {"id": wanted, "name": record.name, "deleted": False}
        row["artifact_location"] = experiments.location_under(root, wanted)
        row["created_at_ms"] = row["updated_at_ms"] = record.creation_time
        insert_missing(connection, experiment_rows, [row])
        _count_on_from(connection, wanted)
    connection.execute(
        update(experiment_rows)
        .where(experiment_rows.c.id == wanted)
        .values(created_at_ms=record.creation_time, updated_at_ms=BEING_MADE_MS)
    )
    return connection.execute(select(experiment_rows).where(experiment_rows.c.id == wanted)).one()


def _count_on_from(connection: Connection, row_id: int) -> None:
    """PostgreSQL alone does not notice a row that brings its own number."""
    if connection.dialect.name == "postgresql":
        sequence = func.pg_get_serial_sequence(experiment_rows.name, "id")
        highest = select(func.max(experiment_rows.c.id)).scalar_subquery()
        connection.execute(select(func.setval(sequence, func.greatest(highest, row_id, 1))))


def _end_experiment(connection: Connection, record: ExperimentEnd, taken: Taken) -> None:
    row_id = parse_id(record.experiment_id)
    row = connection.execute(select(experiment_rows).where(experiment_rows.c.id == row_id)).first()
    if row is None:
        return
    if row.updated_at_ms == BEING_MADE_MS:
        connection.execute(
            update(experiment_rows)
            .where(experiment_rows.c.id == row_id)
            .values(deleted=record.deleted, updated_at_ms=max(record.last_update_time, 0))
        )
    elif bool(row.deleted) != record.deleted:
        why = "it is deleted here, and active at the source: restore it to see its runs"
        if record.deleted:
            why = "it is deleted at the source, and stays active here"
        taken.note("experiment", f"experiment '{row.name}'", why)
