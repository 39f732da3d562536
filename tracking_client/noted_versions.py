"""What a logged model tells of the versions it was registered as: its tag `mlflow.modelVersions`."""

from __future__ import annotations

import json

from tracking_client.client import TrackingClient
from tracking_client.wire import names
from tracking_client.wire.entities import ModelVersion


def note_version(client: TrackingClient, model_id: str, version: ModelVersion) -> None:
    """Has the logged model tell that it was registered, where the server did not see to it by itself.

    Raises ApiError and TransportError.
    """
    told = client.get_logged_model(model_id).tags.get(names.MODEL_VERSIONS)
    try:
        known = json.loads(told) if told else []
        pairs = {(str(item["name"]), str(item["version"])) for item in known}
    except (ValueError, TypeError, KeyError):
        return  # somebody else's, and not to be overwritten
    if (version.name, version.version) not in pairs:
        known.append({"name": version.name, "version": int(version.version)})
        client.set_logged_model_tags(model_id, {names.MODEL_VERSIONS: json.dumps(known)})


__all__ = ["note_version"]
