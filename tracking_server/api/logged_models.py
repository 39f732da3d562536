"""Endpoints of logged models."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tracking_client.wire import limits
from tracking_server.api.artifacts import send_file
from tracking_server.api.codec import Int64, required
from tracking_server.api.experiments import TagIn, text_of
from tracking_server.api.routing import AJAX_V2, Endpoint, Raw, Rpc
from tracking_server.artifacts.protocol import ArtifactInfo
from tracking_server.errors import InvalidParameter
from tracking_server.services import Services
from tracking_server.store import logged_models, paging, runs, search

MAX_PER_PAGE = 100


class Create(msgspec.Struct):
    """logged-models"""

    experiment_id: str | int | None = None
    name: str | None = None
    model_type: str | None = None
    source_run_id: str | None = None
    params: list[TagIn] = []
    tags: list[TagIn] = []


class ById(msgspec.Struct):
    """logged-models/{model_id}"""

    model_id: str = ""
    allow_deleted: bool = False


class Finish(msgspec.Struct):
    """logged-models/{model_id}, PATCH"""

    model_id: str = ""
    status: str | int | None = None


class Texts(msgspec.Struct):
    """logged-models/{model_id}/tags and /params"""

    model_id: str = ""
    tags: list[TagIn] = []
    params: list[TagIn] = []


class OneTag(msgspec.Struct):
    """logged-models/{model_id}/tags/{tag_key}"""

    model_id: str = ""
    tag_key: str = ""


class Order(msgspec.Struct):
    """One key of an order."""

    field_name: str | None = None
    ascending: bool = True
    dataset_name: str | None = None
    dataset_digest: str | None = None


class DatasetFilter(msgspec.Struct):
    """A dataset that metrics in the filter were measured on."""

    dataset_name: str | None = None
    dataset_digest: str | None = None


class Search(msgspec.Struct):
    """logged-models/search"""

    experiment_ids: list[str | int] = []
    filter: str = ""
    datasets: list[DatasetFilter] = []
    max_results: Int64 = 50
    order_by: list[Order] = []
    page_token: str = ""


class Directory(msgspec.Struct):
    """logged-models/{model_id}/artifacts/directories"""

    model_id: str = ""
    artifact_directory_path: str = ""


async def create(services: Services, request: Create) -> object:
    """Make a logged model."""
    experiment_id = str(required(request.experiment_id, "experiment_id"))
    problem = logged_models.name_problem(request.name) if request.name else None
    if problem is not None:
        raise InvalidParameter(problem)
    params = runs.truncated(text_of(request.params, "parameter"), limits.MAX_PARAM_VALUE_LENGTH)
    tags = runs.truncated(text_of(request.tags, "tag"), limits.MAX_TAG_VALUE_LENGTH)
    model = await services.database.write(
        lambda connection: logged_models.create(
            connection,
            experiment_id,
            name=request.name,
            model_type=request.model_type,
            source_run_id=request.source_run_id or None,
            params=params,
            tags=tags,
        )
    )
    return {"model": model}


async def get(services: Services, request: ById) -> object:
    """One logged model."""
    model = await services.database.read(
        lambda connection: logged_models.get(
            connection, request.model_id, allow_deleted=request.allow_deleted
        )
    )
    return {"model": model}


async def finish(services: Services, request: Finish) -> object:
    """Set the state of a logged model."""
    status = str(required(request.status, "status"))
    if status.isdigit() and int(status) < len(logged_models.STATUSES):
        status = logged_models.STATUSES[int(status)]
    model = await services.database.write(
        lambda connection: logged_models.finish(connection, request.model_id, status)
    )
    return {"model": model}


async def delete(services: Services, request: ById) -> object:
    """Delete a logged model."""
    await services.database.write(lambda connection: logged_models.set_deleted(connection, request.model_id))
    return {}


async def set_tags(services: Services, request: Texts) -> object:
    """Set tags of a logged model."""
    tags = runs.truncated(text_of(request.tags, "tag"), limits.MAX_TAG_VALUE_LENGTH)
    await services.database.write(
        lambda connection: logged_models.set_tags(connection, request.model_id, tags)
    )
    return {}


async def delete_tag(services: Services, request: OneTag) -> object:
    """Remove a tag of a logged model."""
    await services.database.write(
        lambda connection: logged_models.delete_tag(connection, request.model_id, request.tag_key)
    )
    return {}


async def log_params(services: Services, request: Texts) -> object:
    """Set parameters of a logged model."""
    params = runs.truncated(text_of(request.params, "parameter"), limits.MAX_PARAM_VALUE_LENGTH)
    await services.database.write(
        lambda connection: logged_models.log_params(connection, request.model_id, params)
    )
    return {}


async def find(services: Services, request: Search) -> object:
    """Search logged models."""
    if not request.experiment_ids:
        required(None, "experiment_ids")
    wanted = paging.SearchRequest(
        filter=request.filter,
        order_by=tuple(_order(order) for order in request.order_by),
        view="ACTIVE_ONLY",
        max_results=paging.checked_max_results(request.max_results, MAX_PER_PAGE),
        page_token=request.page_token,
    )
    datasets = tuple(
        (str(required(dataset.dataset_name, "dataset_name")), dataset.dataset_digest)
        for dataset in request.datasets
    )
    ids = [str(experiment_id) for experiment_id in request.experiment_ids]
    page = await services.database.read(
        lambda connection: search.logged_models(connection, ids, wanted, datasets)
    )
    reply: dict[str, object] = {}
    if page.items:
        reply["models"] = page.items
    if page.next_page_token:
        reply["next_page_token"] = page.next_page_token
    return reply


def _order(order: Order) -> str:
    name = str(required(order.field_name, "field_name"))
    return f"{name} {'ASC' if order.ascending else 'DESC'}"


async def directory(services: Services, request: Directory) -> object:
    """The entries of a directory among a logged model's artifacts."""
    model = await services.database.read(lambda connection: logged_models.find(connection, request.model_id))
    place = services.places.of(model.artifact_uri)
    path = place.path(request.artifact_directory_path)
    found = await asyncio.to_thread(lambda: list(place.store.entries(path)))
    start = len(place.prefix) + 1 if place.prefix else 0
    reply: dict[str, object] = {"root_uri": model.artifact_uri}
    if found:
        reply["files"] = [
            ArtifactInfo(path=entry.path[start:], is_dir=entry.is_dir, file_size=entry.file_size)
            for entry in found
        ]
    return reply


async def file(services: Services, request: Request) -> Response:
    """A file among a logged model's artifacts."""
    model_id = request.path_params["model_id"]
    model = await services.database.read(lambda connection: logged_models.find(connection, model_id))
    place = services.places.of(model.artifact_uri)
    inside = str(required(request.query_params.get("artifact_file_path"), "artifact_file_path"))
    return await send_file(place.store, place.path(inside))


_ONE = "/mlflow/logged-models/{model_id}"


def _rpc(method: str, path: str, request: type[Any], handle: Any) -> Rpc[Any]:
    return Rpc(method=method, path=path, request=request, handle=handle)


ENDPOINTS: list[Endpoint] = [
    _rpc("POST", "/mlflow/logged-models", Create, create),
    _rpc("POST", "/mlflow/logged-models/search", Search, find),
    _rpc("GET", _ONE, ById, get),
    _rpc("PATCH", _ONE, Finish, finish),
    _rpc("DELETE", _ONE, ById, delete),
    _rpc("PATCH", _ONE + "/tags", Texts, set_tags),
    _rpc("DELETE", _ONE + "/tags/{tag_key:path}", OneTag, delete_tag),
    _rpc("POST", _ONE + "/params", Texts, log_params),
    _rpc("GET", _ONE + "/artifacts/directories", Directory, directory),
    Raw(method="GET", path=_ONE + "/artifacts/files", handle=file, prefixes=AJAX_V2),
]
