"""Searches of runs, experiments and logged models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, and_, select, true

from tracking_server.query.parser import parse_filter
from tracking_server.query.tree import And, Comparison
from tracking_server.query.vocabulary import EXPERIMENTS, LOGGED_MODELS
from tracking_server.store import experiments as experiment_store
from tracking_server.store import logged_models as model_store
from tracking_server.store import runs as run_store
from tracking_server.store import schema, searchable
from tracking_server.store.paging import Page, SearchRequest, opaque, page_of
from tracking_server.store.records import Experiment, LoggedModel, Run
from tracking_server.store.run_search import page_of_runs, whole_rows

_FEW = 1000


def runs(connection: Connection, experiment_ids: Sequence[str], request: SearchRequest) -> Page[Run]:
    """A page of the runs of these experiments. Raises InvalidParameter."""
    ids = sorted({experiment_store.parse_id(experiment_id) for experiment_id in experiment_ids})
    row_ids, token = page_of_runs(connection, ids, request)
    return Page(items=run_store.whole(connection, whole_rows(connection, row_ids)), next_page_token=token)


def experiments(connection: Connection, request: SearchRequest) -> Page[Experiment]:
    """A page of experiments. Raises InvalidParameter."""
    rows, token = page_of(
        connection,
        select(schema.experiments).where(_seen(schema.experiments.c.deleted, request.view)),
        searchable.experiments(),
        EXPERIMENTS,
        request,
        about="experiments",
    )
    return Page(items=experiment_store.with_tags(connection, rows), next_page_token=token)


def logged_models(
    connection: Connection,
    experiment_ids: Sequence[str],
    request: SearchRequest,
    datasets: Sequence[tuple[str, str | None]] = (),
    measures: Mapping[str, tuple[str, str | None, str | None]] | None = None,
) -> Page[LoggedModel]:
    """A page of the logged models of these experiments.

    With `datasets` (name, digest), only models that were measured on one of them, and only their metrics on
    these are compared. `measures` are names in the order that stand for a metric on one dataset.

    Raises InvalidParameter.
    """
    ids = sorted({experiment_store.parse_id(experiment_id) for experiment_id in experiment_ids})
    table = schema.logged_models
    scope = and_(
        _one_of(table.c.experiment_id, ids),
        _seen(table.c.deleted, request.view),
        model_store.measured_on(datasets) if datasets else true(),
    )
    few = _few_models(connection, request.filter)
    rows, token = page_of(
        connection,
        select(table).where(*([scope] if few is None else [table.c.id.in_(few), opaque(scope)])),
        searchable.logged_models(datasets, measures),
        LOGGED_MODELS,
        request,
        about=[ids, list(datasets), measures],
    )
    return Page(items=model_store.whole(connection, rows), next_page_token=token)


def _few_models(connection: Connection, text: str) -> list[int] | None:
    """The ids of the models that a filter names by id or run; None where it names none, or many."""
    tree = parse_filter(text, LOGGED_MODELS)
    table = schema.logged_models
    for part in tree.parts if isinstance(tree, And) else (tree,):
        if isinstance(part, Comparison) and (part.entity, part.operator) == ("attribute", "="):
            columns = {"model_id": table.c.uuid, "source_run_id": table.c.source_run_uuid}
            if part.key not in columns:
                continue
            named = select(table.c.id).where(columns[part.key] == part.value).limit(_FEW + 1)
            found = list(connection.execute(named).scalars())
            return found if len(found) <= _FEW else None
    return None


def _one_of(column: ColumnElement[int], ids: Sequence[int]) -> ColumnElement[bool]:
    return column == ids[0] if len(ids) == 1 else column.in_(ids)


def _seen(deleted: ColumnElement[bool], view: str) -> ColumnElement[bool]:
    return true() if view == "ALL" else deleted == (view == "DELETED_ONLY")
