"""Which deleted things are old enough, page after page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, exists, func, or_, select, true
from sqlalchemy.engine import Row

from tracking_server.gc.rows import MARK
from tracking_server.gc.wish import Wish
from tracking_server.store.engine import Database
from tracking_server.store.experiments import DEFAULT_ID
from tracking_server.store.schema import experiments, logged_models, metrics, runs

T = TypeVar("T")

PAGE = 200

Rows = Iterator[Row[Any]]


def deleted_runs(database: Database, wish: Wish) -> Rows:
    """The rows of deleted runs that the wish means, by row id; also those an earlier collection left."""
    old = func.coalesce(runs.c.deleted_at_ms, wish.before_ms) < wish.before_ms
    if wish.run_ids is not None:
        # Named runs may also be halves of an import that nobody will finish: those have no time of deletion.
        named = runs.c.uuid.in_(sorted(wish.run_ids))
        old = and_(named, func.coalesce(runs.c.deleted_at_ms, 0) < wish.before_ms)
    statement = select(runs).where(runs.c.deleted == true(), or_(old, runs.c.uuid.startswith(MARK)))
    return _pages(database, _of_experiments(statement, runs, wish), runs)


def models_of_run(connection: Connection, run_uuid: str) -> list[Row[Any]]:
    """The rows of the logged models that a run made, deleted or not."""
    return list(connection.execute(select(logged_models).where(logged_models.c.source_run_uuid == run_uuid)))


def deleted_models(database: Database, wish: Wish) -> Rows:
    """The rows of logged models that were deleted by themselves, or that no run made, with their experiment.

    Also those that an earlier collection left.
    """
    wanted = and_(logged_models.c.deleted == true(), logged_models.c.uuid.startswith(MARK))
    if wish.run_ids is None:
        old = logged_models.c.updated_at_ms < wish.before_ms
        wanted = or_(wanted, and_(logged_models.c.deleted == true(), old), _left_in_deleted_experiment(wish))
    statement = select(logged_models).where(wanted)
    return _pages(database, _of_experiments(statement, logged_models, wish), logged_models)


def _left_in_deleted_experiment(wish: Wish) -> ColumnElement[bool]:
    """Whether a logged model, deleted or not, is of no run, and of an experiment deleted long enough ago."""
    long_ago = select(experiments.c.id).where(
        experiments.c.deleted == true(), experiments.c.updated_at_ms < wish.before_ms
    )
    of_a_run = exists().where(runs.c.uuid == logged_models.c.source_run_uuid)
    return and_(logged_models.c.experiment_id.in_(long_ago), ~of_a_run)


def deleted_experiments(database: Database, wish: Wish) -> Rows:
    """The rows of deleted experiments; none where the wish names runs. The default one always stays."""
    if wish.run_ids is not None:
        return iter(())
    statement = select(experiments).where(
        experiments.c.deleted == true(),
        experiments.c.updated_at_ms < wish.before_ms,
        experiments.c.id != DEFAULT_ID,
    )
    if wish.experiment_ids is not None:
        statement = statement.where(experiments.c.id.in_(sorted(wish.experiment_ids)))
    return _pages(database, statement, experiments)


def points_of(connection: Connection, row_id: int) -> int:
    """How many metric points a run has."""
    return int(
        connection.execute(
            select(func.count()).select_from(metrics).where(metrics.c.run_id == row_id)
        ).scalar_one()
    )


def inhabitants(connection: Connection, experiment: int) -> tuple[int, int]:
    """How many runs and logged models an experiment has, deleted ones included."""
    counts = [
        int(
            connection.execute(
                select(func.count()).select_from(table).where(table.c.experiment_id == experiment)
            ).scalar_one()
        )
        for table in (runs, logged_models)
    ]
    return counts[0], counts[1]


def unknown_runs(connection: Connection, wish: Wish) -> list[tuple[str, str]]:
    """Those runs the wish names that cannot go, each with the reason."""
    wanted = sorted(wish.run_ids or ())
    found = {row.uuid: row for row in connection.execute(select(runs).where(runs.c.uuid.in_(wanted)))}
    problems: list[tuple[str, str]] = []
    for run_id in wanted:
        row = found.get(run_id)
        if row is None:
            problems.append((run_id, "there is no such run"))
        elif not row.deleted:
            problems.append((run_id, "it is not deleted: delete it first"))
        elif (row.deleted_at_ms or 0) >= wish.before_ms:
            problems.append((run_id, "it was deleted too recently"))
        elif wish.experiment_ids is not None and row.experiment_id not in wish.experiment_ids:
            problems.append((run_id, f"it is in experiment {row.experiment_id}"))
    return problems


def _of_experiments(statement: Select[Any], table: Table, wish: Wish) -> Select[Any]:
    if wish.experiment_ids is None:
        return statement
    return statement.where(table.c.experiment_id.in_(sorted(wish.experiment_ids)))


def _pages(database: Database, statement: Select[Any], table: Table) -> Rows:
    last = -1
    while True:
        page = statement.where(table.c.id > last).order_by(table.c.id).limit(PAGE)
        found = database.read_now(_all(page))
        yield from found
        if len(found) < PAGE:
            return
        last = found[-1].id


def _all(statement: Select[Any]) -> Callable[[Connection], list[Row[Any]]]:
    return lambda connection: list(connection.execute(statement))
