"""What a server of either kind holds, asked for by plain HTTP, and made comparable."""

from __future__ import annotations

import json
import os
import re
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from tracking_client.wire import names

_TIMES = re.compile(r"(timestamp|time)(_ms)?$")
# Of the deployment: MLflow's server has one and ours none, or where a run was made from.
_OTHERS = {"workspace", "artifact_uri", "artifact_location", "experiment_id"}
_EXPERIMENT = re.compile(r"mlflow-artifacts:/\d+/")


def ask(url: str, path: str, body: Mapping[str, Any] | None = None, **query: str) -> dict[str, Any]:
    """The reply to one call of the REST API."""
    target = f"{url}/api/2.0/mlflow/{path}" + (f"?{urlencode(query)}" if query else "")
    headers = {"Authorization": f"Bearer {os.environ.get('MLFLOW_TRACKING_TOKEN', '')}"}
    data = None if body is None else json.dumps(body).encode()
    if data is not None:
        headers["Content-Type"] = "application/json"
    with urllib.request.urlopen(urllib.request.Request(target, data, headers), timeout=30) as reply:
        answer: dict[str, Any] = json.load(reply)
        return answer


def comparable(value: Any, ids: Mapping[str, str]) -> Any:
    """`value` without times and places, with names for ids, and lists of tags and the like in order."""
    if isinstance(value, Mapping):
        kept = {key: item for key, item in value.items() if not _TIMES.search(key) and key not in _OTHERS}
        return {key: comparable(item, ids) for key, item in kept.items()}
    if isinstance(value, (list, tuple)):
        items = [comparable(item, ids) for item in value]
        return sorted(items, key=repr) if items and isinstance(items[0], dict) else items
    if isinstance(value, str):
        for known in sorted(ids, key=len, reverse=True):
            value = value.replace(known, ids[known])
        return _EXPERIMENT.sub("mlflow-artifacts:/X/", value)
    return value


def without_versions_tag(value: Any) -> Any:
    """MLflow's server notes on a logged model which versions were made of it, ours leaves it to clients."""
    if isinstance(value, dict):
        kept = {key: without_versions_tag(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if not (key == "tags" and item == [])}
    if isinstance(value, list):
        return [
            without_versions_tag(item)
            for item in value
            if not (isinstance(item, dict) and item.get("key") == names.MODEL_VERSIONS)
        ]
    return value
