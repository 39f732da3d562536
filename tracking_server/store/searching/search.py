"""Searches of runs, experiments and logged models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, select, true

from tracking_server.query.parser import parse_filter, parse_order
from tracking_server.query.tree import And, Comparison
from tracking_server.query.vocabulary import EXPERIMENTS, LOGGED_MODELS
from tracking_server.store import experiments as experiment_store
from tracking_server.store import logged_models as model_store
from tracking_server.store import model_metrics, schema
from tracking_server.store import runs as run_store
from tracking_server.store.opaque import opaque
from tracking_server.store.records import Experiment, LoggedModel, Run
from tracking_server.store.searching import model_walk, searchable
from tracking_server.store.searching.paging import Page, SearchRequest, page_of
from tracking_server.store.searching.run_search import page_of_runs
from tracking_server.store.searching.searchable import Measure

_FEW = 1000


def runs(connection: Connection, experiment_ids: Sequence[str], request: SearchRequest) -> Page[Run]:
    """A page of the runs of these experiments. Raises InvalidParameter."""
    ids = sorted({experiment_store.parse_id(experiment_id) for experiment_id in experiment_ids})
    row_ids, token = page_of_runs(connection, ids, request)
    return Page(items=run_store.whole_by_id(connection, row_ids), next_page_token=token)


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
    measures: Mapping[str, Measure] | None = None,
) -> Page[LoggedModel]:
    """A page of the logged models of these experiments; they share `model_metrics.MOST_IN_REPLY` points.

    With `datasets` (name, digest), only models that were measured on one of them, and only their metrics on
    these are compared. `measures` are names in the order that stand for a metric on one dataset.

    Raises InvalidParameter.
    """
    rows, token = rows_of_logged_models(connection, experiment_ids, request, datasets, measures or {})
    most = max(1, model_metrics.MOST_IN_REPLY // request.max_results)
    return Page(items=model_store.whole(connection, rows, most), next_page_token=token)


def rows_of_logged_models(
    connection: Connection,
    experiment_ids: Sequence[str],
    request: SearchRequest,
    datasets: Sequence[tuple[str, str | None]],
    measures: Mapping[str, Measure],
) -> tuple[list[Any], str | None]:
    """The rows of such a page, and the token of the next. Raises InvalidParameter."""
    ids = sorted({experiment_store.parse_id(experiment_id) for experiment_id in experiment_ids})
    table = schema.logged_models
    seen = _seen(table.c.deleted, request.view)
    measured = model_metrics.measured_on(datasets) if datasets else None
    few = _few_models(connection, request.filter)
    thing = searchable.logged_models(datasets, measures)
    about = [ids, list(datasets), measures]
    first = next(iter(parse_order(request.order_by, LOGGED_MODELS)), None)
    if few is None and first is not None and first.entity == "metric":
        measure = measures.get(first.key, (first.key, None, None))
        found = model_walk.page_by_metric(
            connection, ids, request, thing, measure, seen=seen, measured=measured, about=about
        )
        if found is not None:
            return found
    scope = and_(_one_of(table.c.experiment_id, ids), seen, true() if measured is None else measured)
    wanted = select(table).where(*([scope] if few is None else [table.c.id.in_(few), opaque(scope)]))
    return page_of(connection, wanted, thing, LOGGED_MODELS, request, about=about)


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
