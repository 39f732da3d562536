"""What endpoints answer, for the OpenAPI document: by method and path in the table, the fields of the reply.

A field whose value is empty or unset is left out of a reply, as MLflow leaves it out. Calls that answer `{}`
have an empty shape. A test compares replies with this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tracking_server.artifacts.protocol import ArtifactInfo
from tracking_server.importing import records as importing
from tracking_server.store import records
from tracking_server.store.datasets import DatasetSummary
from tracking_server.store.registry.records import ModelVersion, RegisteredModel
from tracking_server.store.webhooks import Webhook
from tracking_server.webhooks.results import TestResult

_FILES = {"files": list[ArtifactInfo]}
_EXPERIMENTS = {"experiments": list[records.Experiment], "next_page_token": str}
_MODEL = {"model": records.LoggedModel}
_RUNS = "/mlflow/runs"
_EXPERIMENT = "/mlflow/experiments"
_MODELS = "/mlflow/logged-models"
_REGISTERED = "/mlflow/registered-models"
_VERSIONS = "/mlflow/model-versions"
_WEBHOOKS = "/mlflow/webhooks"
_REGISTERED_MODEL = {"registered_model": RegisteredModel}
_VERSION = {"model_version": ModelVersion}
_DATASETS = {"dataset_summaries": list[DatasetSummary]}
_SIGNED = {"presigned_url": str, "headers": dict[str, str], "file_size": int}
_WEBHOOK = {"webhook": Webhook}

SHAPES: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("POST", f"{_EXPERIMENT}/create"): {"experiment_id": str},
    ("GET", f"{_EXPERIMENT}/get"): {"experiment": records.Experiment},
    ("GET", f"{_EXPERIMENT}/get-by-name"): {"experiment": records.Experiment},
    ("POST", f"{_EXPERIMENT}/search"): _EXPERIMENTS,
    ("GET", f"{_EXPERIMENT}/search"): _EXPERIMENTS,
    ("POST", f"{_EXPERIMENT}/delete"): {},
    ("POST", f"{_EXPERIMENT}/restore"): {},
    ("POST", f"{_EXPERIMENT}/update"): {},
    ("POST", f"{_EXPERIMENT}/set-experiment-tag"): {},
    ("POST", f"{_EXPERIMENT}/delete-experiment-tag"): {},
    ("POST", f"{_RUNS}/create"): {"run": records.Run},
    ("POST", f"{_RUNS}/update"): {"run_info": records.RunInfo},
    ("GET", f"{_RUNS}/get"): {"run": records.Run},
    ("POST", f"{_RUNS}/delete"): {},
    ("POST", f"{_RUNS}/restore"): {},
    ("POST", f"{_RUNS}/search"): {"runs": list[records.Run], "next_page_token": str},
    ("POST", f"{_RUNS}/log-metric"): {},
    ("POST", f"{_RUNS}/log-parameter"): {},
    ("POST", f"{_RUNS}/set-tag"): {},
    ("POST", f"{_RUNS}/delete-tag"): {},
    ("POST", f"{_RUNS}/log-batch"): {},
    ("POST", f"{_RUNS}/log-model"): {},
    ("POST", f"{_RUNS}/log-inputs"): {},
    ("POST", f"{_RUNS}/outputs"): {},
    ("GET", "/mlflow/metrics/get-history"): {"metrics": list[records.Metric], "next_page_token": str},
    ("GET", "/mlflow/metrics/get-history-bulk"): {"metrics": list[records.Metric]},
    ("GET", "/mlflow/metrics/get-history-bulk-interval"): {"metrics": list[records.Metric]},
    ("GET", "/mlflow/artifacts/list"): {"root_uri": str, "next_page_token": str, **_FILES},
    ("GET", "/mlflow-artifacts/artifacts"): _FILES,
    ("POST", _MODELS): _MODEL,
    ("POST", f"{_MODELS}/search"): {"models": list[records.LoggedModel], "next_page_token": str},
    ("GET", f"{_MODELS}/{{model_id}}"): _MODEL,
    ("PATCH", f"{_MODELS}/{{model_id}}"): _MODEL,
    ("DELETE", f"{_MODELS}/{{model_id}}"): {},
    ("PATCH", f"{_MODELS}/{{model_id}}/tags"): _MODEL,
    ("DELETE", f"{_MODELS}/{{model_id}}/tags/{{tag_key:path}}"): {},
    ("POST", f"{_MODELS}/{{model_id}}/params"): {},
    ("GET", f"{_MODELS}/{{model_id}}/artifacts/directories"): {"root_uri": str, **_FILES},
    ("POST", f"{_REGISTERED}/create"): _REGISTERED_MODEL,
    ("POST", f"{_REGISTERED}/rename"): _REGISTERED_MODEL,
    ("PATCH", f"{_REGISTERED}/update"): _REGISTERED_MODEL,
    ("DELETE", f"{_REGISTERED}/delete"): {},
    ("GET", f"{_REGISTERED}/get"): _REGISTERED_MODEL,
    ("GET", f"{_REGISTERED}/search"): {
        "registered_models": list[RegisteredModel],
        "next_page_token": str,
    },
    ("POST", f"{_REGISTERED}/get-latest-versions"): {"model_versions": list[ModelVersion]},
    ("GET", f"{_REGISTERED}/get-latest-versions"): {"model_versions": list[ModelVersion]},
    ("POST", f"{_REGISTERED}/set-tag"): {},
    ("DELETE", f"{_REGISTERED}/delete-tag"): {},
    ("POST", f"{_REGISTERED}/alias"): {},
    ("DELETE", f"{_REGISTERED}/alias"): {},
    ("GET", f"{_REGISTERED}/alias"): _VERSION,
    ("POST", f"{_VERSIONS}/create"): _VERSION,
    ("PATCH", f"{_VERSIONS}/update"): _VERSION,
    ("DELETE", f"{_VERSIONS}/delete"): {},
    ("GET", f"{_VERSIONS}/get"): _VERSION,
    ("GET", f"{_VERSIONS}/search"): {"model_versions": list[ModelVersion], "next_page_token": str},
    ("GET", f"{_VERSIONS}/get-download-uri"): {"artifact_uri": str},
    ("POST", f"{_VERSIONS}/transition-stage"): _VERSION,
    ("POST", f"{_VERSIONS}/set-tag"): {},
    ("DELETE", f"{_VERSIONS}/delete-tag"): {},
    ("POST", f"{_EXPERIMENT}/search-datasets"): _DATASETS,
    ("POST", "mlflow/experiments/search-datasets"): _DATASETS,
    ("POST", "/mlflow-artifacts/mpu/complete/{artifact_path:path}"): {},
    ("POST", "/mlflow-artifacts/mpu/abort/{artifact_path:path}"): {},
    ("POST", "/mlflow/artifacts/presigned-upload-url"): _SIGNED,
    ("POST", "/mlflow/artifacts/presigned-download-url"): _SIGNED,
    ("POST", _WEBHOOKS): _WEBHOOK,
    ("GET", _WEBHOOKS): {"webhooks": list[Webhook], "next_page_token": str},
    ("GET", f"{_WEBHOOKS}/{{webhook_id}}"): _WEBHOOK,
    ("PATCH", f"{_WEBHOOKS}/{{webhook_id}}"): _WEBHOOK,
    ("DELETE", f"{_WEBHOOKS}/{{webhook_id}}"): {},
    ("POST", f"{_WEBHOOKS}/{{webhook_id}}/test"): {"result": TestResult},
    ("POST", "/runner/import"): {
        "places": list[importing.Place],
        "runs_here": list[str],
        "followed": list[str],
        "problems": list[importing.Problem],
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RawShape:
    """What an endpoint that reads and writes by itself takes and sends."""

    query: tuple[str, ...] = ()
    takes: str | None = None
    sends: str = "application/json"
    schema: Mapping[str, Any] = field(default_factory=dict)


_OBJECT: Mapping[str, Any] = {"type": "object"}
_FILE = RawShape(sends="*/*")
_MPU = "/mlflow-artifacts/mpu"
_BYTES = "application/octet-stream"

RAW: Mapping[tuple[str, str], RawShape] = {
    ("GET", "/health"): RawShape(sends="text/plain", schema={"type": "string"}),
    ("GET", "/version"): RawShape(sends="text/plain", schema={"type": "string"}),
    ("GET", "/metrics"): RawShape(sends="text/plain", schema={"type": "string"}),
    ("GET", "/openapi.json"): RawShape(schema=_OBJECT),
    ("GET", "/mlflow/server-info"): RawShape(schema=_OBJECT),
    ("GET", "/mlflow-artifacts/artifacts/{path:path}"): _FILE,
    ("PUT", "/mlflow-artifacts/artifacts/{path:path}"): RawShape(takes=_BYTES, schema=_OBJECT),
    ("DELETE", "/mlflow-artifacts/artifacts/{path:path}"): RawShape(schema=_OBJECT),
    ("POST", f"{_MPU}/create/{{artifact_path:path}}"): RawShape(takes="application/json", schema=_OBJECT),
    ("PUT", f"{_MPU}/part/{{upload_id}}/{{part_number}}"): RawShape(takes=_BYTES, schema=_OBJECT),
    ("GET", "/mlflow-artifacts/presigned/{path:path}"): RawShape(schema=_OBJECT),
    ("GET", "/get-artifact"): RawShape(query=("run_id", "run_uuid", "path"), sends="*/*"),
    ("GET", "/model-versions/get-artifact"): RawShape(query=("name", "version", "path"), sends="*/*"),
    ("POST", "/mlflow/upload-artifact"): RawShape(query=("run_uuid", "path"), takes=_BYTES, schema=_OBJECT),
    ("GET", f"{_MODELS}/{{model_id}}/artifacts/files"): RawShape(query=("artifact_file_path",), sends="*/*"),
}
