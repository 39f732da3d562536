"""Endpoints of logged models."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tracking_client.wire import limits
from tracking_server.api.codec import Int64, required
from tracking_server.api.fields import TagIn
from tracking_server.api.routing import AJAX_V2, Endpoint, Raw, Rpc
from tracking_server.api.search_reply import search_reply
from tracking_server.api.transfers import listing_of, send_file
from tracking_server.errors import InvalidParameter
from tracking_server.services import Services
from tracking_server.store import logged_models
from tracking_server.store.searching import paging, search

MAX_PER_PAGE = 100
MAX_DATASETS = 50
DEFAULT_PER_PAGE = 50
MAX_TEXT_LENGTH = 16_000
"""What every database holds in a text column, whatever the characters."""


Measure = tuple[str, "str | None", "str | None"]
"""A metric on a dataset: its name, the dataset's name and its digest."""


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

    experiment_ids: list[str | int] | None = None
    filter: str = ""
    datasets: list[DatasetFilter] = []
    max_results: Int64 = DEFAULT_PER_PAGE
    order_by: list[Order] = []
    page_token: str = ""


class Directory(msgspec.Struct):
    """logged-models/{model_id}/artifacts/directories"""

    model_id: str = ""
    artifact_directory_path: str = ""


def texts_of(items: list[TagIn]) -> dict[str, str]:
    """Tags or parameters of a logged model: unlike those of runs, MLflow takes any key and cuts no value.

    The last of equal keys wins. Raises InvalidParameter.
    """
    found = {str(required(item.key, "key")): item.value or "" for item in items}
    for field, texts, most in (
        ("key", found.keys(), limits.MAX_KEY_LENGTH),
        ("value", found.values(), MAX_TEXT_LENGTH),
    ):
        if any(len(text) > most for text in texts):
            raise InvalidParameter(f"'{field}' exceeds the maximum length of {most} characters")
    return found


async def create(services: Services, request: Create) -> object:
    """Make a logged model."""
    experiment_id = str(required(request.experiment_id, "experiment_id"))
    problem = logged_models.name_problem(request.name) if request.name else None
    if problem is not None:
        raise InvalidParameter(problem)
    params = texts_of(request.params)
    tags = texts_of(request.tags)
    model = await services.database.write(
        lambda connection: logged_models.create(
            connection,
            experiment_id,
            name=request.name,
            model_type=request.model_type,
            source_run_id=request.source_run_id or "",
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
    if status in map(str, range(len(logged_models.STATUSES))):
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
    tags = texts_of(request.tags)
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
    params = texts_of(request.params)
    await services.database.write(
        lambda connection: logged_models.log_params(connection, request.model_id, params)
    )
    return {}


async def find(services: Services, request: Search) -> object:
    """Search logged models."""
    experiment_ids: list[str | int] = required(request.experiment_ids, "experiment_ids")
    if not experiment_ids:
        return {}
    measures: dict[str, Measure] = {}
    wanted = paging.SearchRequest(
        filter=request.filter,
        order_by=tuple(_order(order, measures) for order in request.order_by),
        view="ACTIVE_ONLY",
        max_results=paging.checked_max_results(min(request.max_results or DEFAULT_PER_PAGE, MAX_PER_PAGE)),
        page_token=request.page_token,
    )
    if len(request.datasets) > MAX_DATASETS:
        raise InvalidParameter(
            f"`datasets` names {len(request.datasets)} datasets, more than {MAX_DATASETS}."
        )
    if not all(dataset.dataset_name for dataset in request.datasets):
        raise InvalidParameter("`dataset_name` in the `datasets` clause must be specified.")
    datasets = tuple(
        (str(dataset.dataset_name), dataset.dataset_digest or None) for dataset in request.datasets
    )
    ids = [str(experiment_id) for experiment_id in experiment_ids]
    page = await services.database.read(
        lambda connection: search.logged_models(connection, ids, wanted, datasets, measures)
    )
    return search_reply("models", page)


def _order(order: Order, measures: dict[str, Measure]) -> str:
    """A key of the order as text. A metric on a dataset gets a name of its own, which `measures` explains."""
    name = str(required(order.field_name, "field_name"))
    if order.dataset_name or order.dataset_digest:
        entity, _, metric = name.partition(".")
        if entity == "metrics" and metric:
            alias = f"\x1f{len(measures)}"  # no metric's name holds such a character
            measures[alias] = (metric.strip('`"'), order.dataset_name or None, order.dataset_digest or None)
            name = f"metrics.`{alias}`"
    return f"{name} {'ASC' if order.ascending else 'DESC'}"


async def directory(services: Services, request: Directory) -> object:
    """The entries of a directory among a logged model's artifacts."""
    model = await services.database.read(lambda connection: logged_models.find(connection, request.model_id))
    place = services.places.of(model.artifact_uri)
    return await listing_of(place, request.artifact_directory_path, model.artifact_uri)


async def file(services: Services, request: Request) -> Response:
    """A file among a logged model's artifacts."""
    model_id = request.path_params["model_id"]
    model = await services.database.read(lambda connection: logged_models.find(connection, model_id))
    place = services.places.of(model.artifact_uri)
    inside = request.query_params.get("artifact_file_path")
    if not inside:
        raise InvalidParameter('Request must include the "artifact_file_path" query parameter.')
    return await send_file(place.store, place.path(inside), request)


_ONE = "/mlflow/logged-models/{model_id}"


def _rpc(method: str, path: str, request: type[Any], handle: Any, *, reads: bool = False) -> Rpc[Any]:
    return Rpc(method=method, path=path, request=request, handle=handle, reads=reads)


ENDPOINTS: list[Endpoint] = [
    _rpc("POST", "/mlflow/logged-models", Create, create),
    Rpc(method="POST", path="/mlflow/logged-models/search", request=Search, handle=find, reads=True),
    _rpc("GET", _ONE, ById, get),
    _rpc("PATCH", _ONE, Finish, finish),
    _rpc("DELETE", _ONE, ById, delete),
    _rpc("PATCH", _ONE + "/tags", Texts, set_tags),
    _rpc("DELETE", _ONE + "/tags/{tag_key:path}", OneTag, delete_tag),
    _rpc("POST", _ONE + "/params", Texts, log_params),
    _rpc("GET", _ONE + "/artifacts/directories", Directory, directory),
    Raw(method="GET", path=_ONE + "/artifacts/files", handle=file, prefixes=AJAX_V2),
]
