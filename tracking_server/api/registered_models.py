"""Endpoints of registered models and their aliases."""

from __future__ import annotations

from typing import Any

import msgspec

from tracking_server.api import registry_events
from tracking_server.api.codec import Int64
from tracking_server.api.fields import TagIn
from tracking_server.api.registry_fields import (
    alias_of,
    description_of,
    name_of,
    new_alias_of,
    tag_of,
    tags_of,
    version_of,
)
from tracking_server.api.routing import Endpoint, Rpc
from tracking_server.api.search_reply import search_reply
from tracking_server.services import Services
from tracking_server.store.registry import model_aliases, registered_models
from tracking_server.store.searching import paging, registry_search

MAX_PER_PAGE = 1000


class Create(msgspec.Struct):
    """registered-models/create"""

    name: str | None = None
    tags: list[TagIn] | None = None
    description: str = ""


class Rename(msgspec.Struct):
    """registered-models/rename"""

    name: str | None = None
    new_name: str | None = None


class Update(msgspec.Struct):
    """registered-models/update"""

    name: str | None = None
    description: str = ""


class ByName(msgspec.Struct):
    """registered-models/get, /delete"""

    name: str | None = None


class Search(msgspec.Struct):
    """registered-models/search"""

    filter: str = ""
    max_results: Int64 = 100
    order_by: list[str] = []
    page_token: str = ""


class LatestVersions(msgspec.Struct):
    """registered-models/get-latest-versions"""

    name: str | None = None
    stages: list[str] = []


class ModelTag(msgspec.Struct):
    """registered-models/set-tag"""

    name: str | None = None
    key: str | None = None
    value: str | None = None


class ModelTagKey(msgspec.Struct):
    """registered-models/delete-tag"""

    name: str | None = None
    key: str | None = None


class NewAlias(msgspec.Struct):
    """registered-models/alias, POST"""

    name: str | None = None
    alias: str | None = None
    version: str | int | None = None


class ByAlias(msgspec.Struct):
    """registered-models/alias, GET and DELETE"""

    name: str | None = None
    alias: str | None = None


async def create(services: Services, request: Create) -> object:
    """Make a registered model."""
    name, tags = name_of(request.name), tags_of(request.tags)
    description = description_of(request.description)
    model = await registry_events.change(
        services,
        lambda connection: registered_models.create(connection, name, description=description, tags=tags),
        lambda _connection, _model: registry_events.model_created(name, tags, description),
    )
    return {"registered_model": model}


async def rename(services: Services, request: Rename) -> object:
    """Rename a registered model; versions, tags and aliases go with it."""
    name, new_name = name_of(request.name), name_of(request.new_name, "new_name")
    model = await services.database.write(
        lambda connection: registered_models.rename(connection, name, new_name)
    )
    return {"registered_model": model}


async def update(services: Services, request: Update) -> object:
    """Change the description of a registered model."""
    name, description = name_of(request.name), description_of(request.description)
    model = await services.database.write(
        lambda connection: registered_models.describe(connection, name, description)
    )
    return {"registered_model": model}


async def delete(services: Services, request: ByName) -> object:
    """Delete a registered model with its versions, for good."""
    name = name_of(request.name)
    await services.database.write(lambda connection: registered_models.remove(connection, name))
    return {}


async def get(services: Services, request: ByName) -> object:
    """One registered model with the newest version in each stage."""
    name = name_of(request.name)
    model = await services.database.read(lambda connection: registered_models.get(connection, name))
    return {"registered_model": model}


async def find(services: Services, request: Search) -> object:
    """Search registered models."""
    wanted = paging.SearchRequest(
        filter=request.filter,
        order_by=tuple(request.order_by),
        max_results=paging.checked_max_results(request.max_results, MAX_PER_PAGE),
        page_token=request.page_token,
    )
    page = await services.database.read(lambda connection: registry_search.models(connection, wanted))
    return search_reply("registered_models", page)


async def get_latest_versions(services: Services, request: LatestVersions) -> object:
    """The newest version in each stage asked for, or in each."""
    name = name_of(request.name)
    versions = await services.database.read(
        lambda connection: registered_models.newest_versions(connection, name, request.stages)
    )
    return {"model_versions": versions} if versions else {}


async def set_tag(services: Services, request: ModelTag) -> object:
    """Set a tag of a registered model."""
    name = name_of(request.name)
    key, value = tag_of(request.key, request.value)
    await registry_events.change(
        services,
        lambda connection: registered_models.set_tag(connection, name, key, value),
        lambda connection, _: registry_events.model_tag_set(connection, name, key, value),
    )
    return {}


async def delete_tag(services: Services, request: ModelTagKey) -> object:
    """Remove a tag of a registered model."""
    name = name_of(request.name)
    key, _ = tag_of(request.key, None)
    await registry_events.change(
        services,
        lambda connection: registered_models.delete_tag(connection, name, key),
        lambda connection, _: registry_events.model_tag_deleted(connection, name, key),
    )
    return {}


async def set_alias(services: Services, request: NewAlias) -> object:
    """Let an alias point at a version."""
    name, alias, version = name_of(request.name), new_alias_of(request.alias), version_of(request.version)
    await registry_events.change(
        services,
        lambda connection: model_aliases.give(connection, name, alias, version),
        lambda connection, _: registry_events.alias_created(connection, name, alias, version),
    )
    return {}


async def delete_alias(services: Services, request: ByAlias) -> object:
    """Remove an alias."""
    name, alias = name_of(request.name), alias_of(request.alias)
    await registry_events.change(
        services,
        lambda connection: model_aliases.take(connection, name, alias),
        lambda connection, _: registry_events.alias_deleted(connection, name, alias),
    )
    return {}


async def get_by_alias(services: Services, request: ByAlias) -> object:
    """The version that an alias points at."""
    name, alias = name_of(request.name), alias_of(request.alias)
    version = await services.database.read(lambda connection: model_aliases.resolve(connection, name, alias))
    return {"model_version": version}


_MODELS = "/mlflow/registered-models"


def _rpc(method: str, path: str, request: type[Any], handle: Any, *, reads: bool = False) -> Rpc[Any]:
    return Rpc(method=method, path=_MODELS + path, request=request, handle=handle, reads=reads)


ENDPOINTS: list[Endpoint] = [
    _rpc("POST", "/create", Create, create),
    _rpc("POST", "/rename", Rename, rename),
    _rpc("PATCH", "/update", Update, update),
    _rpc("DELETE", "/delete", ByName, delete),
    _rpc("GET", "/get", ByName, get),
    _rpc("GET", "/search", Search, find),
    _rpc("POST", "/get-latest-versions", LatestVersions, get_latest_versions, reads=True),
    _rpc("GET", "/get-latest-versions", LatestVersions, get_latest_versions),
    _rpc("POST", "/set-tag", ModelTag, set_tag),
    _rpc("DELETE", "/delete-tag", ModelTagKey, delete_tag),
    _rpc("POST", "/alias", NewAlias, set_alias),
    _rpc("DELETE", "/alias", ByAlias, delete_alias),
    _rpc("GET", "/alias", ByAlias, get_by_alias),
]
