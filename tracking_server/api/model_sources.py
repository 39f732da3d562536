"""Where a model version says its files are: which sources are believed, and where they lead.

A version's source is later read from, by clients and by `/model-versions/get-artifact`. A source on this
machine or behind this server's proxy must therefore lie among the artifacts of the run or the logged model
that the version names. `models:` and `runs:` are resolved when the version is made. Every other source is
kept as text and never opened. Nothing switches the check off: prompts have no files and must say so.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import Connection
from sqlalchemy.engine import Row

from tracking_server.artifacts.paths import location_problem, safe_path
from tracking_server.errors import InvalidParameter, NotFound
from tracking_server.services import Services
from tracking_server.store import logged_models, runs
from tracking_server.store.registry import model_aliases, model_versions, registered_models

PROMPT_SOURCES = frozenset({"dummy-source", "prompt-template"})
"""What MLflow's clients send as the source of a prompt, which has none."""

MAX_LENGTH = 4000

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_PROXY_ROUTE = "/api/2.0/mlflow-artifacts/artifacts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a version comes from. `location` is where its files are, `root` what they must lie in, if any.

    Ids are empty where a version has none.
    """

    source: str
    location: str
    run_id: str = ""
    model_id: str = ""
    root: str | None = None


async def resolve(services: Services, given: Origin, *, is_prompt: bool) -> Origin:
    """`given` (what a client said) checked and completed. Raises InvalidParameter, NotFound."""
    if is_prompt:
        if given.source not in PROMPT_SOURCES:
            raise InvalidParameter(
                f"Invalid prompt source: '{given.source[:300]}'. Prompt sources must use an MLflow "
                "placeholder."
            )
        return given
    _check_text(given.source)
    origin = await services.database.read(lambda connection: _resolved(connection, given))
    if origin.root is None or not _is_local(origin.location):
        return origin
    # A link among the artifacts may lead out of them. Not in the database's threads: a disk can be slow.
    if not await asyncio.to_thread(_is_really_inside, origin.root, origin.location):
        raise InvalidParameter(_not_inside(origin))
    return origin


def _check_text(source: str) -> None:
    problem = location_problem(source)
    if problem is not None or len(source) > MAX_LENGTH:
        raise InvalidParameter(
            f"Invalid model version source: '{source[:300]}'. It must be an absolute path or URI of at most "
            f"{MAX_LENGTH} characters, without '..', '#', '?', ';', backslashes or control characters."
        )


def _resolved(connection: Connection, given: Origin) -> Origin:
    scheme = _scheme(given.source)
    if scheme == "models":
        return _from_registry(connection, given)
    if scheme == "runs":
        return _from_run(connection, given)
    model = _logged_model(connection, given) if given.model_id else None
    origin = given
    if model is not None and not given.run_id:
        origin = replace(given, run_id=model.source_run_uuid or "")
    if not _is_ours(given.source):
        if not re.match(r"[^:]+:/", given.source):
            raise InvalidParameter(
                f"Invalid model version source: '{given.source[:300]}'. Please provide an absolute path."
            )
        return origin
    if model is not None and is_inside(model.artifact_uri, given.source):
        return replace(origin, root=model.artifact_uri)
    if given.run_id and is_inside(root := _run(connection, given).artifact_uri, given.source):
        return replace(origin, root=root)
    raise InvalidParameter(_not_inside(given))


def _scheme(uri: str) -> str:
    match = _SCHEME.match(uri)
    return "" if match is None else match[1].lower()


def _is_local(uri: str) -> bool:
    scheme = _scheme(uri)
    return scheme in ("", "file") or len(scheme) == 1  # a drive


def _is_ours(uri: str) -> bool:
    """Whether a URI may lead to files that this server can open."""
    return _is_local(uri) or _scheme(uri) == "mlflow-artifacts" or _PROXY_ROUTE in unquote(uri)


def is_inside(root: str, source: str) -> bool:
    """Whether `source` is `root` or lies in it, letter by letter, however a local path is spelled."""
    if _is_local(source) and _is_local(root):
        root, source = _path(root), _path(source)
    inside = source.removeprefix(root.rstrip("/"))
    if inside == source or not (inside == "" or inside.startswith("/")):
        return False
    try:
        safe_path(inside.lstrip("/"))
    except InvalidParameter:
        return False
    return unquote(inside) == inside


def _path(uri: str) -> str:
    """The path that a local path or a file: URI names; "" for a file: URI of another machine."""
    if not _scheme(uri):
        return uri
    try:
        parts = urlsplit(uri)
    except ValueError:  # file://[
        return ""
    return unquote(parts.path) if parts.scheme == "file" and parts.netloc in ("", "localhost") else ""


def _is_really_inside(root: str, source: str) -> bool:
    outer, inner = Path(_path(root)).resolve(), Path(_path(source)).resolve()
    return inner == outer or outer in inner.parents


def _from_registry(connection: Connection, given: Origin) -> Origin:
    """`models:/<id of a logged model>`, or a version of a registered model, by number, stage or alias."""
    path = given.source.partition(":")[2]
    name, slash, which = path.removeprefix("/").partition("/")
    if not path.startswith("/") or not name or "/" in which or bool(slash) != bool(which):
        raise InvalidParameter(_not_the_owner(given.source, "model_id"))
    if not slash and "@" not in name:
        return _from_logged_model(connection, given, name)
    if not slash:
        name, _, which = name.rpartition("@")
        version = model_aliases.resolve(connection, name, which).version
    elif which.isdigit():
        version = which
    else:
        stages = () if which.lower() == model_aliases.LATEST else (which,)
        newest = registered_models.newest_versions(connection, name, stages)
        if not newest:
            raise NotFound(f"No versions of model with name '{name}' and stage '{which}' found")
        version = newest[-1].version
    return _from_version(connection, given, name, version)


def _from_logged_model(connection: Connection, given: Origin, model_id: str) -> Origin:
    if given.model_id != model_id:
        raise InvalidParameter(_not_the_owner(given.source, "model_id"))
    model = _logged_model(connection, given)
    return replace(given, location=model.artifact_uri, run_id=given.run_id or model.source_run_uuid or "")


def _from_version(connection: Connection, given: Origin, name: str, version: str) -> Origin:
    model = registered_models.find(connection, name)
    if registered_models.is_prompt(connection, model):
        raise InvalidParameter(
            f"Invalid model version source: '{given.source}'. Prompt versions cannot be used as model "
            "version sources."
        )
    row = model_versions.of_model(connection, model, version)
    run_id, model_id = row.run_uuid, row.model_uuid or ""
    if (given.run_id or run_id) != run_id or (given.model_id or model_id) != model_id:
        raise InvalidParameter(
            f"Invalid model version source: '{given.source}'. The run_id and model_id request parameters "
            "must match the referenced model version."
        )
    return Origin(
        source=f"models:/{name}/{row.version}",
        location=model_versions.location(row),
        run_id=run_id,
        model_id=model_id,
    )


def _from_run(connection: Connection, given: Origin) -> Origin:
    """`runs:/<id>/<path>`, of the run that the version names."""
    _, _, rest = given.source.partition(":/")
    run_id, _, path = rest.partition("/")
    if given.model_id or not run_id or run_id != given.run_id or unquote(path) != path:
        raise InvalidParameter(_not_the_owner(given.source, "run_id"))
    root = str(_run(connection, given).artifact_uri).rstrip("/")
    return replace(given, location=f"{root}/{safe_path(path)}".rstrip("/"), root=root)


def _run(connection: Connection, given: Origin) -> Row[Any]:
    try:
        return runs.find(connection, given.run_id)
    except NotFound:
        raise InvalidParameter(_not_the_owner(given.source, "run_id")) from None


def _logged_model(connection: Connection, given: Origin) -> Row[Any]:
    try:
        return logged_models.find(connection, given.model_id)
    except NotFound:
        raise InvalidParameter(_not_the_owner(given.source, "model_id")) from None


def _not_the_owner(source: str, field: str) -> str:
    return (
        f"Invalid model version source: '{source[:300]}'. The {field} request parameter must identify the "
        "resource that contains the source."
    )


def _not_inside(given: Origin) -> str:
    field = "model_id" if given.model_id else "run_id"
    if not _is_local(given.source):
        return _not_the_owner(given.source, field)
    return (
        f"Invalid model version source: '{given.source[:300]}'. To use a local path as a model version "
        f"source, the {field} request parameter has to be specified and the local path has to be contained "
        f"within the artifact directory of the run specified by the {field}."
    )
