"""What an `MLmodel` file says of the model in its directory. Format: MLflow 3.17's, and those before it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tracking_server.ui.artifacts import outline
from tracking_server.ui.artifacts.outline import Literal, Node, Unreadable, compact
from tracking_server.ui.artifacts.table import Table, is_logged, of_logged

MLMODEL = "MLmodel"
MOST_BYTES = 4_000_000
MOST_FIELDS = 500
_DEEPEST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One input, output or parameter. `shape` and `default` are "" where there are none."""

    name: str
    type: str
    shape: str
    is_required: bool
    default: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The inputs, the outputs or the parameters of a model; `count` of all, of which a beginning is shown."""

    words: str
    fields: list[Field]
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Flavour:
    """A way to load the model, with what else is said of it."""

    name: str
    facts: list[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model's own description. `example_path` is relative to its directory, "" where there is none."""

    facts: list[tuple[str, str]]
    size_bytes: int | None
    model_id: str
    flavours: list[Flavour]
    signature: list[Part]
    example_path: str

    @property
    def libraries(self) -> list[str]:
        """The flavours that a module of MLflow loads, other than `pyfunc`."""
        return [flavour.name for flavour in self.flavours if flavour.name != "python_function"]

    @property
    def is_function(self) -> bool:
        """Whether `pyfunc` loads it."""
        return any(flavour.name == "python_function" for flavour in self.flavours)


def of(text: str) -> Model:
    """The model that an `MLmodel` file describes. Raises Unreadable."""
    value = outline.of_yaml(text)
    if not isinstance(value, Mapping) or not isinstance(value.get("flavors"), Mapping):
        raise Unreadable("It names no flavors.")
    example = _mapping(value.get("saved_input_example_info"))
    size = _text(value.get("model_size_bytes"))
    return Model(
        facts=[
            (words, found)
            for name, words in (
                ("model_id", "Logged model"),
                ("utc_time_created", "Made (UTC)"),
                ("mlflow_version", "Format of MLflow"),
                ("run_id", "Run"),
                ("model_uuid", "UUID"),
            )
            if (found := _text(value.get(name)))
        ],
        size_bytes=int(size) if size.isascii() and size.isdigit() and len(size) < 19 else None,
        model_id=_text(value.get("model_id")),
        flavours=[_flavour(str(name), said) for name, said in value["flavors"].items()],
        signature=_signature(_mapping(value.get("signature"))),
        example_path=_text(example.get("artifact_path")),
    )


def example(text: str) -> Table | Node | None:
    """The input example of a model, from its file; None where that is not JSON."""
    try:
        value = outline.of_json(text)
    except Unreadable:
        return None
    return of_logged(value) if is_logged(value) else outline.outline(value)


def _flavour(name: str, said: Any) -> Flavour:
    facts = [(str(key), compact(value)) for key, value in _mapping(said).items()]
    return Flavour(name=name, facts=[fact for fact in facts if fact[1] not in ("null", "")])


def _signature(signature: Mapping[str, Any]) -> list[Part]:
    named = (("inputs", "Inputs"), ("outputs", "Outputs"), ("params", "Parameters"))
    return [_part(words, signature[name]) for name, words in named if _text(signature.get(name))]


def _part(words: str, text: Any) -> Part:
    try:
        listed = json.loads(_text(text), parse_int=Literal, parse_float=Literal, parse_constant=Literal)
    except (ValueError, RecursionError):
        listed = None
    if not isinstance(listed, list):
        listed = [] if listed is None else [listed]
    fields = [_field(at, found) for at, found in enumerate(listed[:MOST_FIELDS])]
    return Part(words=words, fields=fields, count=len(listed))


def _field(at: int, found: Any) -> Field:
    spec = _mapping(found)
    tensor = _mapping(spec.get("tensor-spec"))
    shape = tensor.get("shape", spec.get("shape"))
    name = spec.get("name")
    return Field(
        name=f"({at})" if name is None else compact(name),
        type=_type(spec, _DEEPEST),
        shape="" if shape is None else compact(shape).replace('"', ""),
        is_required=_is_required(spec),
        default=compact(spec["default"]) if "default" in spec else "",
    )


def _type(spec: Mapping[str, Any], depth: int) -> str:
    """A type in words: "double", "tensor of float32", "list of string", "{a: long, b?: string}"."""
    kind = _text(spec.get("type")) or "any"
    if depth == 0:
        return "…"
    if kind == "tensor":
        return f"tensor of {_text(_mapping(spec.get('tensor-spec')).get('dtype')) or 'any'}"
    if kind == "array":
        return f"list of {_type(_mapping(spec.get('items')), depth - 1)}"
    if kind == "map":
        return f"map to {_type(_mapping(spec.get('values')), depth - 1)}"
    if kind == "object":
        properties = [
            f"{name}{'' if _is_required(_mapping(each)) else '?'}: {_type(_mapping(each), depth - 1)}"
            for name, each in _mapping(spec.get("properties")).items()
        ]
        return compact("{" + ", ".join(properties) + "}")
    return compact(kind)


def _is_required(spec: Mapping[str, Any]) -> bool:
    return spec.get("required", True) is not False and not spec.get("optional")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    if isinstance(value, Literal):
        return "" if value.written in ("null", "~") else value.written
    return value if isinstance(value, str) else ""
