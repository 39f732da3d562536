"""Names of metrics, parameters and tags in requests, refused in MLflow's words."""

from __future__ import annotations

import json
import posixpath
from typing import Literal

from tracking_client.wire import limits
from tracking_server.api.codec import required
from tracking_server.errors import InvalidParameter

Kind = Literal["metric", "parameter", "tag"]

_SHOWN = 300
_TOO_LONG = {"metric": "Metric name", "parameter": "Param key"}


def checked_key(key: str | None, kind: Kind, path: str) -> str:
    """`key`, which the request has at `path`, such as "params[3].key". Raises InvalidParameter."""
    found = str(required(key, path))
    if limits.key_problem(found, kind) is not None:
        # MLflow calls the name of a metric `name` where it is wrong, and `key` where it is missing.
        raise InvalidParameter(_words(found, kind, f"{path[:-3]}name" if kind == "metric" else path))
    return found


def _words(key: str, kind: Kind, path: str) -> str:
    if not limits.has_good_characters(key):
        return (
            f"Invalid value {json.dumps(key[:_SHOWN])} for parameter '{path}' supplied: Names may "
            "only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and "
            "slashes (/)."
        )
    if len(key) > limits.MAX_KEY_LENGTH:
        return (
            f"'{_TOO_LONG.get(kind, path)}' exceeds the maximum length of {limits.MAX_KEY_LENGTH} characters"
        )
    return (
        f"Invalid value {json.dumps(key)} for parameter '{path}' supplied: Names may be treated as files in "
        "certain cases, and must not resolve to other names when treated as such. This name would resolve to "
        f"{posixpath.normpath(key)!r}"
    )
