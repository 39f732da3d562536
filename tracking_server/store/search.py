"""Searches of runs, experiments and logged models."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, select, true

from tracking_server.query.vocabulary import EXPERIMENTS, LOGGED_MODELS, RUNS
from tracking_server.store import experiments as experiment_store
from tracking_server.store import logged_models as model_store
from tracking_server.store import runs as run_store
from tracking_server.store import schema, searchable
from tracking_server.store.paging import Page, SearchRequest, page_of
from tracking_server.store.records import Experiment, LoggedModel, Run


def runs(connection: Connection, experiment_ids: Sequence[str], request: SearchRequest) -> Page[Run]:
    """A page of the runs of these experiments. Raises InvalidParameter."""
    ids = sorted({experiment_store.parse_id(experiment_id) for experiment_id in experiment_ids})
    table = schema.runs
    rows, token = page_of(
        connection,
        select(table).where(_one_of(table.c.experiment_id, ids), _seen(table.c.deleted, request.view)),
        searchable.runs(connection),
        RUNS,
        request,
        about=ids,
    )
    return Page(items=run_store.whole(connection, rows), next_page_token=token)


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
) -> Page[LoggedModel]:
    """A page of the logged models of these experiments; `datasets` restrict what metrics are compared.

    Raises InvalidParameter.
    """
    ids = sorted({experiment_store.parse_id(experiment_id) for experiment_id in experiment_ids})
    table = schema.logged_models
    rows, token = page_of(
        connection,
        select(table).where(_one_of(table.c.experiment_id, ids), _seen(table.c.deleted, request.view)),
        searchable.logged_models(datasets),
        LOGGED_MODELS,
        request,
        about=[ids, list(datasets)],
    )
    return Page(items=model_store.whole(connection, rows), next_page_token=token)


def _one_of(column: ColumnElement[int], ids: Sequence[int]) -> ColumnElement[bool]:
    return column == ids[0] if len(ids) == 1 else column.in_(ids)


def _seen(deleted: ColumnElement[bool], view: str) -> ColumnElement[bool]:
    return true() if view == "ALL" else deleted == (view == "DELETED_ONLY")
