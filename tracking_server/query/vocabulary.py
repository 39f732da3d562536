"""What can be asked about each kind of thing: its attributes and the entities around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tracking_server.query.tree import Entity

Kind = Literal["text", "number"]

ENTITY_WORDS: Mapping[str, Entity] = {
    "attribute": "attribute",
    "attributes": "attribute",
    "attr": "attribute",
    "run": "attribute",
    "metric": "metric",
    "metrics": "metric",
    "param": "param",
    "params": "param",
    "parameter": "param",
    "parameters": "param",
    "tag": "tag",
    "tags": "tag",
    "dataset": "dataset",
    "datasets": "dataset",
}
DATASET_KEYS = ("name", "digest", "context")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The words of one search. `aliases` are other spellings of attributes.

    `quoted_numbers`: a whole number may stand in quotes, as MLflow takes it for model versions.
    """

    what: str
    attributes: Mapping[str, Kind]
    aliases: Mapping[str, str] = field(default_factory=dict)
    entities: frozenset[Entity] = frozenset({"attribute", "tag"})
    quoted_numbers: bool = False


RUNS = Vocabulary(
    what="run",
    attributes={
        "run_id": "text",
        "run_name": "text",
        "status": "text",
        "artifact_uri": "text",
        "user_id": "text",
        "experiment_id": "text",
        "start_time": "number",
        "end_time": "number",
    },
    aliases={
        "created": "start_time",
        "Created": "start_time",
        "run name": "run_name",
        "Run name": "run_name",
        "Run Name": "run_name",
        "run_uuid": "run_id",
    },
    entities=frozenset({"attribute", "metric", "param", "tag", "dataset"}),
)
EXPERIMENTS = Vocabulary(
    what="experiment",
    attributes={
        "experiment_id": "text",
        "name": "text",
        "creation_time": "number",
        "last_update_time": "number",
    },
)
LOGGED_MODELS = Vocabulary(
    what="logged model",
    attributes={
        "model_id": "text",
        "name": "text",
        "model_type": "text",
        "status": "text",
        "source_run_id": "text",
        "experiment_id": "text",
        "creation_timestamp": "number",
        "last_updated_timestamp": "number",
    },
    aliases={
        "model_name": "name",
        "creation_timestamp_ms": "creation_timestamp",
        "creation_time": "creation_timestamp",
        "last_updated_timestamp_ms": "last_updated_timestamp",
    },
    entities=frozenset({"attribute", "metric", "param", "tag"}),
)
REGISTERED_MODELS = Vocabulary(
    what="registered model",
    attributes={"name": "text", "creation_timestamp": "number", "last_updated_timestamp": "number"},
    aliases={"timestamp": "last_updated_timestamp"},
)
MODEL_VERSIONS = Vocabulary(
    what="model version",
    attributes={
        "name": "text",
        "version_number": "number",
        "run_id": "text",
        "model_id": "text",
        "source_path": "text",
        "stage": "text",
        "creation_timestamp": "number",
        "last_updated_timestamp": "number",
    },
    aliases={"version": "version_number", "source": "source_path", "current_stage": "stage"},
    quoted_numbers=True,
)
