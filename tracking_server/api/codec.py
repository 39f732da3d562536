"""JSON in, as sloppily as clients send it; JSON out, as MLflow sends it.

In: fields in snake_case or camelCase, numbers as numbers or strings, NaN and Infinity as strings or as
Python's bare words, nulls as absent, a whole document inside a JSON string; unknown fields are ignored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from tracking_server.api.sloppy_numbers import with_plain_numbers
from tracking_server.errors import InvalidParameter

T = TypeVar("T", bound=msgspec.Struct)

Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""An integer as the wire has it."""

# One repetition for each part: nested ones would try every way to divide a long text.
_CAMEL_KEY = re.compile(rb'"[a-z][a-z0-9]*[A-Z][A-Za-z0-9]*"\s*:')
_NULL = re.compile(rb":\s*null|\[\s*null|,\s*null")
_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")
_LOW_LINE = re.compile(r"_([a-z0-9])")
_WHERE = re.compile(r" - at `\$(.*)`$")
_STEPS = re.compile(r"\.(\w+)|\[(\d+|\.\.\.)\]")
_encoder = msgspec.json.Encoder()
_decoders: dict[type, msgspec.json.Decoder[Any]] = {}
_list_fields: dict[type, frozenset[str]] = {}


def encode(reply: object) -> bytes:
    """A reply as JSON."""
    return _encoder.encode(reply)


def decode(body: bytes, kind: type[T]) -> T:
    """The request in `body`. Raises InvalidParameter with the words MLflow uses."""
    if not body.strip():
        body = b"{}"
    if _needs_care(body):
        return convert(_plain(body), kind)
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind, strict=False)
    try:
        decoded: T = decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return convert(_plain(body), kind)
    return decoded


def _needs_care(body: bytes) -> bool:
    """Whether a request must be put into its normal form first: a quick look rules it out for nearly all."""
    if body.lstrip()[:1] == b'"':
        return True
    if b"null" in body and _NULL.search(body):
        return True
    return body != body.lower() and _CAMEL_KEY.search(body) is not None


def convert(document: object, kind: type[T]) -> T:
    """The request in an already parsed document. Raises InvalidParameter."""
    if not isinstance(document, dict):
        raise InvalidParameter("The request's body must be a JSON object.")
    normal: Any = None
    try:
        normal = _snake_case(document)
        return msgspec.convert(normal, kind, strict=False)
    except RecursionError:
        raise InvalidParameter("The request's body is nested too deeply.") from None
    except msgspec.ValidationError as error:
        try:
            return msgspec.convert(with_plain_numbers(normal, kind), kind, strict=False)
        except msgspec.ValidationError:
            raise InvalidParameter(_explain(error, normal)) from None


def from_query(pairs: Iterable[tuple[str, str]], kind: type[T]) -> T:
    """The request in a query string; lists take every repetition, all else the first.

    Raises InvalidParameter.
    """
    lists = _lists_of(kind)
    document: dict[str, Any] = {}
    for key, value in pairs:
        name = _CAPITAL.sub(r"_\1", key).lower()
        if name.removesuffix("[]") in lists:
            document.setdefault(name.removesuffix("[]"), []).append(value)
        else:
            document.setdefault(name, value)
    return convert(document, kind)


def _lists_of(kind: type[Any]) -> frozenset[str]:
    known = _list_fields.get(kind)
    if known is None:
        hints = get_type_hints(kind)
        known = _list_fields[kind] = frozenset(name for name, hint in hints.items() if _is_list(hint))
    return known


def _is_list(hint: object) -> bool:
    return get_origin(hint) is list or any(_is_list(part) for part in get_args(hint))


def _plain(body: bytes) -> object:
    """Parse leniently; Python's parser takes bare NaN and Infinity."""
    try:
        document = json.loads(body)
        if isinstance(document, str):
            document = json.loads(document)
    except (ValueError, RecursionError):
        raise InvalidParameter("The request's body is not valid JSON.") from None
    return document


def _snake_case(value: Any) -> Any:
    """`value` with every key in snake_case and without nulls. Raises InvalidParameter for a doubled field."""
    if isinstance(value, list):
        return [_snake_case(item) for item in value]
    if not isinstance(value, dict):
        return value
    result: dict[str, Any] = {}
    for key, item in value.items():
        name = _CAPITAL.sub(r"_\1", key).lower()
        if item is None:
            continue
        if name in result:
            camel = _LOW_LINE.sub(lambda match: match[1].upper(), name)
            raise InvalidParameter(
                f"Request specifies both '{name[:100]}' and '{camel[:100]}'; provide only one of them."
            )
        result[name] = _snake_case(item)
    return result


def _explain(error: msgspec.ValidationError, document: object) -> str:
    """MLflow's words for a value of the wrong kind."""
    where = _WHERE.search(str(error))
    if where is None:
        return f"The request is malformed: {error}"
    value: object = document
    name = ""
    for field, index in _STEPS.findall(where.group(1)):
        if field:
            name = f"{name}.{field}" if name else field
            value = value.get(field) if isinstance(value, Mapping) else None
        elif index != "...":
            name = f"{name}[{index}]"
            value = value[int(index)] if isinstance(value, list) and int(index) < len(value) else None
    return wrong_kind(value, name)


def wrong_kind(value: object, name: str) -> str:
    """MLflow's words for the value of a parameter that is of the wrong kind, down to their two blanks."""
    try:
        shown = json.dumps(value, sort_keys=True, separators=(",", ":"))
    except (TypeError, ValueError):
        shown = str(value)
    return (
        f"Invalid value {shown[:200]} for parameter '{name}' supplied:  Hint: Value was of type "
        f"'{type(value).__name__}'. See the API docs for more information about request parameters."
    )


def required(value: Any, name: str) -> Any:
    """`value`, or InvalidParameter in MLflow's words where it is absent or empty."""
    if value is None or value == "":
        raise InvalidParameter(
            f"Missing value for required parameter '{name}'. See the API docs for more information about "
            "request parameters."
        )
    return value
