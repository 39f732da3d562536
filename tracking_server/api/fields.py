"""Fields that many requests have: the run that one is about, and keys with their texts."""

from __future__ import annotations

from typing import Any

import msgspec

from tracking_server.api.codec import required
from tracking_server.api.keys import Kind, checked_key
from tracking_server.errors import InvalidParameter
from tracking_server.store import runs


class TagIn(msgspec.Struct):
    """A key with its text, as clients send it."""

    key: str | None = None
    value: str | None = None


def run_id_of(request: Any) -> str:
    """The run a request is about, under its new or its old name. Raises InvalidParameter."""
    return str(required(request.run_id or getattr(request, "run_uuid", None), "run_id"))


def text_of(tags: list[TagIn] | None, kind: Kind, field: str | None = None) -> dict[str, str]:
    """Keys and texts of a list as clients send it; the last of equal keys wins. Raises InvalidParameter.

    `field` is the list's name in the request, for messages; None where the request is about one key.
    """
    result: dict[str, str] = {}
    for index, tag in enumerate(tags or ()):
        path = "key" if field is None else f"{field}[{index}].key"
        result[checked_key(tag.key, kind, path)] = tag.value or ""
    return result


def tags_of(tags: list[TagIn] | None, field: str | None = None) -> dict[str, str]:
    """Tags as they are stored, cut as in MLflow. Raises InvalidParameter."""
    return runs.truncated(text_of(tags, "tag", field), runs.MAX_TAG_LENGTH)


def params_of(params: list[TagIn], field: str | None = None) -> dict[str, str]:
    """Parameters as they are stored, cut as in MLflow. Raises InvalidParameter, where one is twice too."""
    found = runs.truncated(text_of(params, "parameter", field), runs.MAX_PARAM_LENGTH)
    if len(found) < len(params):
        keys = [str(param.key) for param in params]
        twice = [key for index, key in enumerate(keys) if key in keys[:index]]
        raise InvalidParameter(
            f"Duplicate parameter keys have been submitted: {twice}. Please ensure the request contains only "
            "one param value per param key."
        )
    return found
