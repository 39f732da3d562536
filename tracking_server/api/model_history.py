"""The endpoint by which the R client, and Python clients before MLflow 3, note that a run has made a model.

What they send is kept in a tag of the run, as MLflow keeps it: its page and its clients read it there.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec
from sqlalchemy import Connection

from tracking_server.api.codec import required
from tracking_server.api.fields import run_id_of
from tracking_server.api.routing import Endpoint
from tracking_server.api.runs import post
from tracking_server.errors import InvalidParameter
from tracking_server.services import Services
from tracking_server.store import model_history

_DEMANDED = ("artifact_path", "flavors", "run_id", "utc_time_created")


class LogModel(msgspec.Struct):
    """runs/log-model"""

    run_id: str | None = None
    run_uuid: str | None = None
    model_json: str | None = None


async def log_model(services: Services, request: LogModel) -> object:
    """Note a model that a run has made; noting the same one again is harmless."""
    run_id = run_id_of(request)
    model = _model(str(required(request.model_json, "model_json")))

    def work(connection: Connection) -> None:
        model_history.add(connection, run_id, model)

    await services.database.write(work)
    return {}


def _model(text: str) -> dict[str, Any]:
    """What is kept of a model: everything but the flavors' own configurations. Raises InvalidParameter."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidParameter(f"Malformed model info. \n {text[:1000]} \n is not a valid JSON.") from None
    flavors = found.get("flavors") if isinstance(found, dict) else None
    missing = {field for field in _DEMANDED if not isinstance(found, dict) or field not in found}
    if missing:
        raise InvalidParameter(f"Model json is missing mandatory fields: {missing}")
    if not isinstance(flavors, dict):
        raise InvalidParameter("Malformed model info: 'flavors' must be an object.")
    return {
        "run_id": found["run_id"],
        "artifact_path": found["artifact_path"],
        "utc_time_created": found["utc_time_created"],
        "model_uuid": found.get("model_uuid"),
        "flavors": {name: _without_config(flavor) for name, flavor in flavors.items()},
    }


def _without_config(flavor: object) -> object:
    if not isinstance(flavor, dict):
        return flavor
    return {key: value for key, value in flavor.items() if key != "config"}


ENDPOINTS: list[Endpoint] = [post("log-model", LogModel, log_model)]
