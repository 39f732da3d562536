"""Logged models and the model registry in a directory `mlruns/`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tracking_server.importing import yaml_files
from tracking_server.importing.protocols import SourceModel, SourceRegistered, SourceVersion
from tracking_server.importing.records import Problem
from tracking_server.importing.yaml_files import Noticed, integer, text
from tracking_server.store.logged_models import STATUSES
from tracking_server.store.records import (
    LoggedModel,
    LoggedModelData,
    LoggedModelInfo,
    Metric,
    stored_float,
    wire_float,
)
from tracking_server.store.registry.records import Alias, ModelVersion, RegisteredModel

_VERSION = "version-"
DELETED_STAGE = "Deleted_Internal"
"""What MLflow makes of a version that is deleted."""


def logged_models(directory: Path, experiment_id: str, noticed: Noticed) -> Iterator[SourceModel]:
    """The logged models of an experiment."""
    for model in yaml_files.subdirectories(directory, noticed):
        meta = yaml_files.read(model / "meta.yaml", "logged model", noticed)
        if meta is not None:
            yield _logged_model(model, meta, experiment_id, noticed)


def _logged_model(directory: Path, meta: dict[str, Any], experiment_id: str, noticed: Noticed) -> SourceModel:
    status = meta.get("status", 1)
    if isinstance(status, int):
        status = STATUSES[status] if 0 <= status < len(STATUSES) else STATUSES[0]
    elif not str(status).startswith("LOGGED_MODEL_"):
        status = f"LOGGED_MODEL_{status}"
    created = integer(meta.get("creation_timestamp"), 0)
    message = meta.get("status_message")
    info = LoggedModelInfo(
        model_id=text(meta.get("model_id"), directory.name),
        experiment_id=experiment_id,
        name=text(meta.get("name")),
        creation_timestamp_ms=created,
        last_updated_timestamp_ms=integer(meta.get("last_updated_timestamp"), created),
        artifact_uri=text(meta.get("artifact_location")),
        status=str(status) if status in STATUSES else STATUSES[0],
        model_type=text(meta.get("model_type")),
        source_run_id=text(meta.get("source_run_id")),
        status_message=None if message is None else str(message),
        tags=yaml_files.values(directory / "tags", noticed),
    )
    data = LoggedModelData(params=yaml_files.values(directory / "params", noticed))
    deleted = text(meta.get("lifecycle_stage"), "active") == "deleted"
    return SourceModel(model=LoggedModel(info=info, data=data), deleted=deleted)


def model_points(directory: Path, model_id: str, noticed: Noticed) -> Iterator[Metric]:
    """The points of a logged model: timestamp, value, step, run, and perhaps a dataset's name and digest."""
    for key, path in yaml_files.named_files(directory, noticed):
        for number, line in yaml_files.lines(path, "metric", noticed):
            try:
                yield _metric(key, line.split(), model_id)
            except (ValueError, IndexError):
                why = "the line is not a timestamp, a value, a step and a run"
                noticed.append(Problem(kind="metric", what=f"metric {path}, line {number}", why=why))


def _metric(key: str, parts: list[str], model_id: str) -> Metric:
    """A line of a metric's file. Raises ValueError, IndexError."""
    if any(abs(int(part)) >= 2**63 for part in (parts[0], parts[2])):
        raise ValueError(parts)
    dataset = parts[4:6] if len(parts) == 6 else [None, None]
    return Metric(
        key=key,
        timestamp=int(parts[0]),
        value=wire_float(*stored_float(float(parts[1]))),
        step=int(parts[2]),
        run_id=parts[3],
        model_id=model_id,
        dataset_name=dataset[0],
        dataset_digest=dataset[1],
    )


def registered_models(directory: Path, noticed: Noticed) -> Iterator[SourceRegistered]:
    """The registered models; the directory's name is the model's."""
    for model in yaml_files.subdirectories(directory, noticed):
        meta = yaml_files.read(model / "meta.yaml", "registered model", noticed)
        if meta is None:
            continue
        created = integer(meta.get("creation_timestamp"), 0)
        aliases = yaml_files.values(model / "aliases", noticed)
        yield SourceRegistered(
            model=RegisteredModel(
                name=model.name,
                creation_timestamp=created,
                last_updated_timestamp=integer(meta.get("last_updated_timestamp"), created),
                description=text(meta.get("description")) or None,
                tags=yaml_files.values(model / "tags", noticed),
            ),
            aliases=tuple(Alias(alias.key, alias.value.strip()) for alias in aliases),
        )


def versions(directory: Path, name: str, noticed: Noticed) -> Iterator[SourceVersion]:
    """The versions of a registered model, by number; those that MLflow only marks as deleted left out."""
    found = [path for path in yaml_files.subdirectories(directory, noticed) if path.name.startswith(_VERSION)]
    for version in sorted(found, key=lambda path: integer(path.name.removeprefix(_VERSION), 0)):
        meta = yaml_files.read(version / "meta.yaml", "model version", noticed)
        if meta is None:
            continue
        if meta.get("current_stage") == DELETED_STAGE:
            continue
        created = integer(meta.get("creation_timestamp"), 0)
        message, user, where = (meta.get(key) for key in ("status_message", "user_id", "storage_location"))
        yield SourceVersion(
            version=ModelVersion(
                name=name,
                version=text(meta.get("version")),
                creation_timestamp=created,
                last_updated_timestamp=integer(meta.get("last_updated_timestamp"), created),
                user_id=None if user is None else str(user),
                current_stage=text(meta.get("current_stage"), "None") or "None",
                description=text(meta.get("description")) or None,
                source=text(meta.get("source")),
                run_id=text(meta.get("run_id")),
                run_link=text(meta.get("run_link")),
                status=text(meta.get("status"), "READY"),
                status_message=None if message is None else str(message),
                tags=yaml_files.values(version / "tags", noticed),
            ),
            storage_location=None if where is None else str(where),
        )
