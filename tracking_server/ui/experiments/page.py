"""All experiments, what goes on in them, and the newest runs of all."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from tracking_server.services import Services
from tracking_server.store import experiment_activity, runs
from tracking_server.store.clock import now_ms
from tracking_server.store.records import Experiment
from tracking_server.store.searching import paging, search
from tracking_server.ui.frame import page
from tracking_server.ui.runs.run_table import table

PER_PAGE = 50
RECENT_RUNS = 10
_DAY_MS = 86_400_000
_SYSTEM_TAGS = ("mlflow.", "runner.")
_VIEWS = {"": "ACTIVE_ONLY", "deleted": "DELETED_ONLY"}
_ORDERS = {"": "last_update_time DESC", "name": "name ASC", "created": "creation_time DESC"}


async def show(services: Services, request: Request) -> Response:
    """The experiments whose names hold a text, the last changed first."""
    query = request.query_params
    wanted = query.get("search", "").strip()
    view = query.get("view", "")
    order = query.get("order", "")
    asked = paging.SearchRequest(
        filter=_named(wanted),
        order_by=(_ORDERS.get(order, _ORDERS[""]),),
        view=_VIEWS.get(view, "ACTIVE_ONLY"),
        max_results=PER_PAGE,
        page_token=query.get("page_token", ""),
    )
    present_ms = now_ms()

    def look(connection: Connection) -> tuple[Any, Any, Any]:
        listed = search.experiments(connection, asked)
        ids = [int(found.experiment_id) for found in listed.items]
        activity = experiment_activity.of(connection, ids, since_ms=present_ms - _DAY_MS)
        is_first = not (wanted or view or asked.page_token)
        return listed, activity, runs.recent(connection, RECENT_RUNS) if is_first else []

    listed, activity, recent = await services.database.read(look)
    return page(
        request,
        "experiments.html",
        experiments=listed.items,
        activity={str(id_): found for id_, found in activity.items()},
        tags={found.experiment_id: _own_tags(found) for found in listed.items},
        next_page_token=listed.next_page_token,
        search=wanted,
        view=view,
        order=order,
        recent=table(recent, present_ms, max_columns=0),
        experiment_names={found.experiment_id: found.name for found in listed.items},
        now_ms=present_ms,
    )


def _named(text: str) -> str:
    """The filter for names that hold `text`, whatever its case."""
    quoted = text.replace("'", "''")
    return f"name ILIKE '%{quoted}%'" if text else ""


def _own_tags(experiment: Experiment) -> list[tuple[str, str]]:
    """The tags that people set, without those that programs keep for themselves."""
    return [(tag.key, tag.value) for tag in experiment.tags if not tag.key.startswith(_SYSTEM_TAGS)]
