"""Endpoints of the versions of registered models."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from tracking_server.api import registry_events
from tracking_server.api.codec import Int64, required
from tracking_server.api.fields import TagIn
from tracking_server.api.model_sources import Origin, is_inside, resolve
from tracking_server.api.registry_fields import description_of, link_of, name_of, tag_of, tags_of, version_of
from tracking_server.api.routing import Endpoint, Raw, Rpc
from tracking_server.api.search_reply import search_reply
from tracking_server.api.transfers import send_file
from tracking_server.errors import InvalidParameter
from tracking_server.services import Services
from tracking_server.store.registry import model_versions
from tracking_server.store.registry.model_versions import NewVersion
from tracking_server.store.registry.records import ModelVersion
from tracking_server.store.registry.registered_models import says_prompt
from tracking_server.store.searching import paging, registry_search

MAX_PER_PAGE = 200_000


class Create(msgspec.Struct):
    """model-versions/create"""

    name: str | None = None
    source: str | None = None
    run_id: str = ""
    run_link: str = ""
    tags: list[TagIn] | None = None
    description: str = ""
    model_id: str = ""


class ByVersion(msgspec.Struct):
    """model-versions/get, /delete, /get-download-uri"""

    name: str | None = None
    version: str | int | None = None


class Update(msgspec.Struct):
    """model-versions/update"""

    name: str | None = None
    version: str | int | None = None
    description: str | None = None


class Search(msgspec.Struct):
    """model-versions/search"""

    filter: str = ""
    max_results: Int64 = 10_000
    order_by: list[str] = []
    page_token: str = ""


class Transition(msgspec.Struct):
    """model-versions/transition-stage"""

    name: str | None = None
    version: str | int | None = None
    stage: str | None = None
    archive_existing_versions: bool = False


class VersionTag(msgspec.Struct):
    """model-versions/set-tag"""

    name: str | None = None
    version: str | int | None = None
    key: str | None = None
    value: str | None = None


class VersionTagKey(msgspec.Struct):
    """model-versions/delete-tag"""

    name: str | None = None
    version: str | int | None = None
    key: str | None = None


async def create(services: Services, request: Create) -> object:
    """Make the next version of a registered model."""
    name, tags = name_of(request.name), tags_of(request.tags)
    source = str(required(request.source, "source"))
    given = Origin(source=source, location=source, run_id=request.run_id, model_id=request.model_id)
    origin = await resolve(services, given, is_prompt=says_prompt(tags))
    new = NewVersion(
        name=name,
        source=origin.source,
        storage_location=origin.location,
        run_id=origin.run_id,
        model_id=origin.model_id or None,
        run_link=link_of(request.run_link),
        description=description_of(request.description),
        tags=tags,
    )

    def make(connection: Connection) -> ModelVersion:
        _hold_owner(connection, origin)
        return model_versions.create(connection, new)

    version = await registry_events.change(
        services,
        make,
        lambda _connection, made: registry_events.version_created(made, tags),
    )
    return {"model_version": version}


def _hold_owner(connection: Connection, origin: Origin) -> None:
    """What has the version's files stays until the version is there, and then because of it.

    It was found before, but may have been collected since. Raises InvalidParameter, NotFound.
    """
    scheme, _, path = origin.source.partition(":")
    name, _, number = path.removeprefix("/").partition("/")
    if scheme.lower() == "models" and number:
        model_versions.find(connection, name, number)
    elif scheme.lower() == "models" or origin.root is not None:
        locations = model_versions.hold_artifacts(connection, origin.run_id, origin.model_id)
        if not any(is_inside(location, origin.location) for location in locations):
            raise InvalidParameter(
                f"Invalid model version source: '{origin.source[:300]}'. The run or logged model among whose "
                "artifacts it is was removed."
            )


async def update(services: Services, request: Update) -> object:
    """Change the description of a version; without one, remove it."""
    name, version = name_of(request.name), version_of(request.version)
    description = None if request.description is None else description_of(request.description)
    changed = await services.database.write(
        lambda connection: model_versions.describe(connection, name, version, description)
    )
    return {"model_version": changed}


async def delete(services: Services, request: ByVersion) -> object:
    """Delete a version, for good."""
    name, version = name_of(request.name), version_of(request.version)
    await services.database.write(lambda connection: model_versions.remove(connection, name, version))
    return {}


async def get(services: Services, request: ByVersion) -> object:
    """One version with its aliases."""
    name, version = name_of(request.name), version_of(request.version)
    found = await services.database.read(lambda connection: model_versions.get(connection, name, version))
    return {"model_version": found}


async def find(services: Services, request: Search) -> object:
    """Search versions."""
    wanted = paging.SearchRequest(
        filter=request.filter,
        order_by=tuple(request.order_by),
        max_results=paging.checked_max_results(request.max_results, MAX_PER_PAGE),
        page_token=request.page_token,
    )
    page = await services.database.read(lambda connection: registry_search.versions(connection, wanted))
    return search_reply("model_versions", page)


async def get_download_uri(services: Services, request: ByVersion) -> object:
    """Where the files of a version are."""
    return {"artifact_uri": await _location(services, request.name, request.version)}


async def _location(services: Services, name: str | None, version: str | int | None) -> str:
    model, number = name_of(name), version_of(version)
    row = await services.database.read(lambda connection: model_versions.find(connection, model, number))
    return model_versions.location(row)


async def transition(services: Services, request: Transition) -> object:
    """Put a version into a stage, and archive those that are in it where asked to."""
    name, version = name_of(request.name), version_of(request.version)
    stage = str(required(request.stage, "stage"))
    moved = await services.database.write(
        lambda connection: model_versions.move(
            connection, name, version, stage, archive_existing=request.archive_existing_versions
        )
    )
    return {"model_version": moved}


async def set_tag(services: Services, request: VersionTag) -> object:
    """Set a tag of a version."""
    name, version = name_of(request.name), version_of(request.version)
    key, value = tag_of(request.key, request.value)
    await registry_events.change(
        services,
        lambda connection: model_versions.set_tag(connection, name, version, key, value),
        lambda connection, _: registry_events.version_tag_set(connection, name, version, key, value),
    )
    return {}


async def delete_tag(services: Services, request: VersionTagKey) -> object:
    """Remove a tag of a version."""
    name, version = name_of(request.name), version_of(request.version)
    key, _ = tag_of(request.key, None)
    await registry_events.change(
        services,
        lambda connection: model_versions.delete_tag(connection, name, version, key),
        lambda connection, _: registry_events.version_tag_deleted(connection, name, version, key),
    )
    return {}


async def get_artifact(services: Services, request: Request) -> Response:
    """A file among a version's, where this server serves them."""
    query = request.query_params
    place = services.places.of(await _location(services, query.get("name"), query.get("version")))
    return await send_file(place.store, place.path(str(required(query.get("path"), "path"))), request)


_VERSIONS = "/mlflow/model-versions"


def _rpc(method: str, path: str, request: type[Any], handle: Any) -> Rpc[Any]:
    return Rpc(method=method, path=_VERSIONS + path, request=request, handle=handle)


ENDPOINTS: list[Endpoint] = [
    _rpc("POST", "/create", Create, create),
    _rpc("PATCH", "/update", Update, update),
    _rpc("DELETE", "/delete", ByVersion, delete),
    _rpc("GET", "/get", ByVersion, get),
    _rpc("GET", "/search", Search, find),
    _rpc("GET", "/get-download-uri", ByVersion, get_download_uri),
    _rpc("POST", "/transition-stage", Transition, transition),
    _rpc("POST", "/set-tag", VersionTag, set_tag),
    _rpc("DELETE", "/delete-tag", VersionTagKey, delete_tag),
    Raw(method="GET", path="/model-versions/get-artifact", handle=get_artifact, prefixes=("",)),
]
