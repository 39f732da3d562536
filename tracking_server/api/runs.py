"""Endpoints of runs: their life, and searching them. Logging to them is in `run_data`."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from tracking_client.wire import limits
from tracking_server.api.codec import Int64, required, wrong_kind
from tracking_server.api.fields import TagIn, params_of, run_id_of
from tracking_server.api.routing import Endpoint, Rpc
from tracking_server.api.search_reply import search_reply
from tracking_server.errors import InvalidParameter
from tracking_server.services import Services
from tracking_server.store import runs
from tracking_server.store.searching import paging, search

_CHOSEN_ID = re.compile(r"^[0-9a-f]{32}$")


class Create(msgspec.Struct):
    """runs/create. Extensions: `params`, and the client's own `run_id`, which makes repetition harmless."""

    experiment_id: str | int | None = None
    user_id: str = ""
    run_name: str = ""
    start_time: Int64 | None = None
    tags: list[TagIn] | None = None
    run_id: str | None = None
    params: list[TagIn] = []


class Update(msgspec.Struct):
    """runs/update"""

    run_id: str | None = None
    run_uuid: str | None = None
    status: str | int | None = None
    end_time: Int64 | None = None
    run_name: str | None = None


class ById(msgspec.Struct):
    """runs/get, /delete, /restore"""

    run_id: str | None = None
    run_uuid: str | None = None


class Search(msgspec.Struct):
    """runs/search"""

    experiment_ids: list[str | int] = []
    filter: str = ""
    run_view_type: str | int = "ACTIVE_ONLY"
    max_results: Int64 = 1000
    order_by: list[str] = []
    page_token: str = ""


def _first_tags(tags: list[TagIn] | None) -> dict[str, str]:
    """Tags that a run is made with: as in MLflow, of any characters and length. Raises InvalidParameter."""
    found = {str(required(tag.key, "key")): tag.value or "" for tag in tags or ()}
    for key in found:
        if len(key) > limits.MAX_KEY_LENGTH or "\0" in key:
            raise InvalidParameter(
                f"'key' exceeds the maximum length of {limits.MAX_KEY_LENGTH} characters, or holds U+0000"
            )
    return found


async def create(services: Services, request: Create) -> object:
    """Make a run, or return the one that has the chosen id already."""
    if request.run_id is not None and not _CHOSEN_ID.fullmatch(request.run_id):
        raise InvalidParameter(f"Invalid run ID: '{request.run_id[:300]}'. A chosen id is 32 hex digits.")
    if len(request.params) > limits.MAX_PARAMS_PER_BATCH:
        raise InvalidParameter(
            f"A run can be made with at most {limits.MAX_PARAMS_PER_BATCH} params, "
            f"not {len(request.params)}. Log the others with runs/log-batch."
        )
    new = runs.NewRun(
        experiment_id=str(request.experiment_id) if request.experiment_id not in (None, "") else "0",
        user_id=request.user_id[:256],
        name=request.run_name,
        start_ms=request.start_time,
        tags=_first_tags(request.tags),
        run_id=request.run_id,
        params=params_of(request.params, "params"),
    )
    run = await services.database.write(lambda connection: runs.create(connection, new))
    return {"run": {"info": run.info, "data": run.data, "inputs": run.inputs}}  # MLflow tells no outputs here


async def get(services: Services, request: ById) -> object:
    """One run, whole."""
    run_id = run_id_of(request)
    return {"run": await services.database.read(lambda connection: runs.get(connection, run_id))}


def _status(value: str | int | None) -> str | None:
    if value is None:
        return None
    # The enum of the wire starts at 1.
    numbered = {"1": "RUNNING", "2": "SCHEDULED", "3": "FINISHED", "4": "FAILED", "5": "KILLED"}
    status = numbered.get(str(value), str(value))
    if status not in runs.STATUSES:
        raise InvalidParameter(wrong_kind(value, "status"))
    return status


async def update(services: Services, request: Update) -> object:
    """Change status, end or name of a run."""
    run_id = run_id_of(request)
    status = _status(request.status)
    info = await services.database.write(
        lambda connection: runs.change(
            connection, run_id, status=status, end_ms=request.end_time, name=request.run_name
        )
    )
    return {"run_info": info}


async def delete(services: Services, request: ById) -> object:
    """Delete a run; it can be restored."""
    run_id = run_id_of(request)
    await services.database.write(lambda connection: runs.set_deleted(connection, run_id, deleted=True))
    return {}


async def restore(services: Services, request: ById) -> object:
    """Restore a deleted run."""
    run_id = run_id_of(request)
    await services.database.write(lambda connection: runs.set_deleted(connection, run_id, deleted=False))
    return {}


async def find(services: Services, request: Search) -> object:
    """Search runs."""
    wanted = paging.SearchRequest(
        filter=request.filter,
        order_by=tuple(request.order_by),
        view=paging.view_of(request.run_view_type),
        max_results=paging.checked_max_results(request.max_results),
        page_token=request.page_token,
    )
    ids = [str(experiment_id) for experiment_id in request.experiment_ids]
    page = await services.database.read(lambda connection: search.runs(connection, ids, wanted))
    return search_reply("runs", page)


def post(name: str, request: type[Any], handle: Any, *, reads: bool = False) -> Rpc[Any]:
    """An endpoint among those of runs."""
    return Rpc(method="POST", path=f"/mlflow/runs/{name}", request=request, handle=handle, reads=reads)


ENDPOINTS: list[Endpoint] = [
    post("create", Create, create),
    post("update", Update, update),
    Rpc(method="GET", path="/mlflow/runs/get", request=ById, handle=get),
    post("delete", ById, delete),
    post("restore", ById, restore),
    post("search", Search, find, reads=True),
]
