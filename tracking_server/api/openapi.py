"""The OpenAPI 3.1 document of this server, made from the tables that it is served by.

Paths, methods, prefixes and requests are those of the endpoints themselves; what replies look like is told by
`reply_shapes`. Beyond what is written in it, the server takes requests as sloppily as MLflow's clients send
them: see `codec`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_type_hints

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tracking_server.api import codec
from tracking_server.api.reply_shapes import RAW, SHAPES, RawShape
from tracking_server.api.routing import Endpoint, Raw, Rpc
from tracking_server.api.server_info import MLFLOW_VERSION
from tracking_server.services import Services

PATH = "/openapi.json"
_REF = "#/components/schemas/{name}"
_PLACEHOLDER = re.compile(r"\{(\w+)(?::path)?\}")
_JSON = "application/json"


class Error(msgspec.Struct, frozen=True):
    """What every failed call answers."""

    error_code: str
    message: str


def endpoint(endpoints: Callable[[], Iterable[Endpoint]]) -> Endpoint:
    """The endpoint that serves the document of `endpoints`."""

    async def openapi(_services: Services, _request: Request) -> Response:
        """This interface as an OpenAPI document."""
        return Response(codec.encode(document(endpoints())), media_type=_JSON)

    return Raw(method="GET", path=PATH, handle=openapi, prefixes=("",))


def document(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """The document of a table of endpoints."""
    table = list(endpoints)
    schemas = _Schemas(table)
    paths: dict[str, dict[str, Any]] = {}
    for each in table:
        for prefix in each.prefixes:
            path = prefix + _PLACEHOLDER.sub(r"{\1}", each.path)
            paths.setdefault(path, {})[each.method.lower()] = _operation(each, prefix, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tracking server",
            "version": MLFLOW_VERSION,
            "description": f"The REST interface of MLflow {MLFLOW_VERSION} and what goes beyond.",
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"basic": []}],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "basic": {"type": "http", "scheme": "basic"},
            },
        },
    }


class _Schemas:
    """The JSON schemas of everything that goes in and out."""

    def __init__(self, table: list[Endpoint]) -> None:
        kinds: list[Any] = [Error]
        for each in table:
            if isinstance(each, Rpc):
                kinds.append(each.request)
                kinds += get_type_hints(each.request, include_extras=True).values()
                kinds += SHAPES.get((each.method, each.path), {}).values()
        kinds = list({str(kind): kind for kind in kinds}.values())
        found, self.components = msgspec.json.schema_components(kinds, ref_template=_REF)
        self._by_kind = dict(zip(map(str, kinds), found, strict=True))

    def of(self, kind: Any) -> dict[str, Any]:
        """The schema of one type."""
        return self._by_kind[str(kind)]


def _operation(each: Endpoint, prefix: str, schemas: _Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{each.method}{prefix}{each.path}").strip("_"),
        "summary": (inspect.getdoc(each.handle) or "").partition("\n\n")[0].replace("\n", " "),
        "parameters": [_path_parameter(name) for name in _PLACEHOLDER.findall(each.path)],
        "responses": {"default": _content("An error.", _JSON, schemas.of(Error))},
        "x-reads": each.is_reading,
    }
    if each.is_open:
        operation["security"] = []
    if isinstance(each, Rpc):
        _add_rpc(operation, each, schemas)
    else:
        _add_raw(operation, RAW.get((each.method, each.path), RawShape()))
    return operation


def _add_rpc(operation: dict[str, Any], each: Rpc[Any], schemas: _Schemas) -> None:
    if each.method == "GET":
        placeholders = set(_PLACEHOLDER.findall(each.path))
        hints = get_type_hints(each.request, include_extras=True)
        operation["parameters"] += [
            {"name": name, "in": "query", "required": False, "schema": schemas.of(hint)}
            for name, hint in hints.items()
            if name not in placeholders
        ]
    else:
        operation["requestBody"] = {
            "required": True,
            "content": {_JSON: {"schema": schemas.of(each.request)}},
        }
    shape = SHAPES.get((each.method, each.path))
    schema = {"type": "object"} if shape is None else _object(shape, schemas)
    operation["responses"]["200"] = _content("What was asked for.", _JSON, schema)


def _object(shape: Mapping[str, Any], schemas: _Schemas) -> dict[str, Any]:
    properties = {name: schemas.of(kind) for name, kind in shape.items()}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _add_raw(operation: dict[str, Any], shape: RawShape) -> None:
    operation["parameters"] += [
        {"name": name, "in": "query", "required": False, "schema": {"type": "string"}} for name in shape.query
    ]
    if shape.takes is not None:
        operation["requestBody"] = {"required": True, "content": {shape.takes: {}}}
    operation["responses"]["200"] = _content("What was asked for.", shape.sends, shape.schema)


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _content(description: str, media_type: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {media_type: {"schema": schema} if schema else {}}}
