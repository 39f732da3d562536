"""What `log_model` tells about the model that it logged (`mlflow.models.model.ModelInfo`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tracking_client.models.signature import ModelSignature


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelInfo:
    """A logged model. `model_uri` loads it; `registered_model_version` is None where it was not registered.

    `artifact_path` is the URI of its files, `utc_time_created` a text in UTC.
    """

    model_uri: str
    model_id: str
    model_uuid: str
    name: str
    artifact_path: str
    run_id: str | None
    flavors: dict[str, dict[str, Any]]
    signature: ModelSignature | None
    saved_input_example_info: dict[str, Any] | None
    utc_time_created: str
    creation_timestamp: int
    mlflow_version: str | None
    metadata: dict[str, Any] | None = None
    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    registered_model_version: str | None = None


__all__ = ["ModelInfo"]
