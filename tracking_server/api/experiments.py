"""Endpoints of experiments."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tracking_client.wire import limits
from tracking_server.api.codec import Int64, required
from tracking_server.api.fields import TagIn, text_of
from tracking_server.api.routing import Endpoint, Rpc
from tracking_server.api.search_reply import search_reply
from tracking_server.artifacts.paths import location_problem
from tracking_server.errors import InvalidParameter
from tracking_server.services import Services
from tracking_server.store import experiments
from tracking_server.store.searching import paging, search


class Create(msgspec.Struct):
    """experiments/create"""

    name: str | None = None
    artifact_location: str | None = None
    tags: list[TagIn] | None = None


class ById(msgspec.Struct):
    """experiments/get, /delete, /restore"""

    experiment_id: str | int | None = None


class ByName(msgspec.Struct):
    """experiments/get-by-name"""

    experiment_name: str | None = None


class Rename(msgspec.Struct):
    """experiments/update"""

    experiment_id: str | int | None = None
    new_name: str | None = None


class ExperimentTag(msgspec.Struct):
    """experiments/set-experiment-tag, /delete-experiment-tag"""

    experiment_id: str | int | None = None
    key: str | None = None
    value: str | None = None


class Search(msgspec.Struct):
    """experiments/search"""

    max_results: Int64 = 0
    page_token: str = ""
    filter: str = ""
    order_by: list[str] = []
    view_type: str | int = "ACTIVE_ONLY"


def experiment_tags_of(tags: list[TagIn] | None) -> dict[str, str]:
    """Tags of an experiment. Raises InvalidParameter."""
    result = text_of(tags, "tag")
    if any(len(value) > limits.MAX_EXPERIMENT_TAG_VALUE_LENGTH for value in result.values()):
        raise InvalidParameter(
            f"'value' exceeds the maximum length of {limits.MAX_EXPERIMENT_TAG_VALUE_LENGTH} characters"
        )
    return result


def _id(value: str | int | None) -> str:
    return str(required(value, "experiment_id"))


def _checked_name(name: str | None, field: str) -> str:
    found = str(required(name, field))
    if len(found) > limits.MAX_EXPERIMENT_NAME_LENGTH:
        raise InvalidParameter(
            f"'name' exceeds the maximum length of {limits.MAX_EXPERIMENT_NAME_LENGTH} characters"
        )
    return found


def _location(given: str | None) -> str | None:
    """Where the artifacts go: as in MLflow, a relative directory is one of where the server was started."""
    if not given:
        return None
    problem = location_problem(given)
    if problem is not None:
        raise InvalidParameter(problem)
    return given if ":" in given else str(Path(given).absolute())


async def create(services: Services, request: Create) -> dict[str, str]:
    """Make an experiment."""
    name = _checked_name(request.name, "name")
    location = _location(request.artifact_location)
    tags = experiment_tags_of(request.tags)
    experiment_id = await services.database.write(
        lambda connection: experiments.create(
            connection,
            name,
            artifact_location=location,
            artifact_root=services.settings.experiment_root,
            tags=tags,
        )
    )
    return {"experiment_id": experiment_id}


async def get(services: Services, request: ById) -> object:
    """One experiment."""
    experiment_id = _id(request.experiment_id)
    return {
        "experiment": await services.database.read(
            lambda connection: experiments.get(connection, experiment_id)
        )
    }


async def get_by_name(services: Services, request: ByName) -> object:
    """One experiment by its name."""
    name = str(required(request.experiment_name, "experiment_name"))
    return {
        "experiment": await services.database.read(
            lambda connection: experiments.get_by_name(connection, name)
        )
    }


async def delete(services: Services, request: ById) -> object:
    """Delete an experiment and its runs."""
    experiment_id = _id(request.experiment_id)
    await services.database.write(
        lambda connection: experiments.set_deleted(connection, experiment_id, deleted=True)
    )
    return {}


async def restore(services: Services, request: ById) -> object:
    """Restore an experiment and its runs."""
    experiment_id = _id(request.experiment_id)
    await services.database.write(
        lambda connection: experiments.set_deleted(connection, experiment_id, deleted=False)
    )
    return {}


async def rename(services: Services, request: Rename) -> object:
    """Rename an experiment."""
    experiment_id = _id(request.experiment_id)
    new_name = _checked_name(request.new_name, "new_name")
    await services.database.write(lambda connection: experiments.rename(connection, experiment_id, new_name))
    return {}


async def set_tag(services: Services, request: ExperimentTag) -> object:
    """Set a tag of an experiment."""
    experiment_id = _id(request.experiment_id)
    [(key, value)] = experiment_tags_of([TagIn(request.key, request.value)]).items()
    await services.database.write(
        lambda connection: experiments.set_tag(connection, experiment_id, key, value)
    )
    return {}


async def delete_tag(services: Services, request: ExperimentTag) -> object:
    """Remove a tag of an experiment."""
    experiment_id = _id(request.experiment_id)
    key = str(required(request.key, "key"))
    await services.database.write(lambda connection: experiments.delete_tag(connection, experiment_id, key))
    return {}


async def find(services: Services, request: Search) -> object:
    """Search experiments."""
    wanted = paging.SearchRequest(
        filter=request.filter,
        order_by=tuple(request.order_by),
        view=paging.view_of(request.view_type),
        max_results=paging.checked_max_results(request.max_results),
        page_token=request.page_token,
    )
    page = await services.database.read(lambda connection: search.experiments(connection, wanted))
    return search_reply("experiments", page)


ENDPOINTS: list[Endpoint] = [
    Rpc(method="POST", path="/mlflow/experiments/create", request=Create, handle=create),
    Rpc(method="GET", path="/mlflow/experiments/get", request=ById, handle=get),
    Rpc(method="GET", path="/mlflow/experiments/get-by-name", request=ByName, handle=get_by_name),
    Rpc(method="POST", path="/mlflow/experiments/search", request=Search, handle=find, reads=True),
    Rpc(method="GET", path="/mlflow/experiments/search", request=Search, handle=find),
    Rpc(method="POST", path="/mlflow/experiments/delete", request=ById, handle=delete),
    Rpc(method="POST", path="/mlflow/experiments/restore", request=ById, handle=restore),
    Rpc(method="POST", path="/mlflow/experiments/update", request=Rename, handle=rename),
    Rpc(method="POST", path="/mlflow/experiments/set-experiment-tag", request=ExperimentTag, handle=set_tag),
    Rpc(
        method="POST",
        path="/mlflow/experiments/delete-experiment-tag",
        request=ExperimentTag,
        handle=delete_tag,
    ),
]
