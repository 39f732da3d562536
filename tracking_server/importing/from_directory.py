"""From a directory `mlruns/`, as MLflow's file store lays it out:

    <experiment id>/meta.yaml, tags/<key>, datasets/<id>/meta.yaml, models/<model id>/…, traces/
    <experiment id>/<run id>/meta.yaml, params/<key>, tags/<key>, metrics/<key>, artifacts/,
                             inputs/<id>/meta.yaml, outputs/<model id>/meta.yaml
    .trash/<experiment id>/…
    models/<name>/meta.yaml, tags/<key>, aliases/<alias>, version-<n>/meta.yaml, version-<n>/tags/<key>

A metric's file has a line for each point: timestamp, value and step. Source: MLflow 3.17's file store.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tracking_server.importing import yaml_files
from tracking_server.importing.directory_inputs import inputs_of, outputs_of
from tracking_server.importing.directory_models import (
    logged_models,
    model_points,
    registered_models,
    versions,
)
from tracking_server.importing.local_tree import local_directory, own_tree
from tracking_server.importing.protocols import (
    Source,
    SourceError,
    SourceModel,
    SourceRegistered,
    SourceRun,
    SourceVersion,
    Tree,
)
from tracking_server.importing.records import Point, Problem
from tracking_server.importing.yaml_files import Noticed, integer, text
from tracking_server.store.records import Experiment, LoggedModel, Metric, Run, RunData, RunInfo

TRASH = ".trash"
_NOT_RUNS = frozenset({"tags", "datasets", "traces", "models", "assessments", TRASH})
_STATUSES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}


class DirectorySource:
    """A directory that MLflow's file store wrote; it is only read. Raises SourceError where it is none.

    `proxied` is where `mlflow-artifacts:` URIs lead: the `--artifacts-destination` of the server of then.
    """

    def __init__(self, root: Path, *, proxied: Path | None = None) -> None:
        inner = root / "mlruns"
        self._root = inner if inner.is_dir() and not _experiments_in(root) else root
        self._proxied = proxied
        self._noticed: Noticed = []
        if not self._root.is_dir():
            raise SourceError(f"{root} is not a directory")
        if not self._directories():
            raise SourceError(f"{root} holds no experiments of MLflow: give the directory `mlruns` itself")

    def _directories(self) -> list[Path]:
        return _experiments_in(self._root) + _experiments_in(self._root / TRASH)

    def experiments(self) -> Iterator[Experiment]:
        """See `Source.experiments`."""
        for directory in self._directories():
            meta = yaml_files.read(directory / "meta.yaml", "experiment", self._noticed)
            if meta is None:
                continue
            created = integer(meta.get("creation_time"), _changed_ms(directory))
            trashed = directory.parent.name == TRASH
            yield Experiment(
                experiment_id=directory.name,
                name=text(meta.get("name")),
                artifact_location=text(meta.get("artifact_location")),
                lifecycle_stage="deleted" if trashed else text(meta.get("lifecycle_stage"), "active"),
                creation_time=created,
                last_update_time=integer(meta.get("last_update_time"), created),
                tags=yaml_files.values(directory / "tags", self._noticed),
            )

    def _directory(self, experiment_id: str) -> Path:
        directory = self._root / experiment_id
        return directory if directory.is_dir() else self._root / TRASH / experiment_id

    def runs(self, experiment: Experiment) -> Iterator[SourceRun]:
        """See `Source.runs`."""
        directory = self._directory(experiment.experiment_id)
        for run_directory in yaml_files.subdirectories(directory, self._noticed):
            if run_directory.name in _NOT_RUNS:
                continue
            meta = yaml_files.read(run_directory / "meta.yaml", "run", self._noticed)
            if meta is not None:
                yield self._run(run_directory, meta, experiment)

    def _run(self, directory: Path, meta: dict[str, Any], experiment: Experiment) -> SourceRun:
        run_id = text(meta.get("run_id")) or text(meta.get("run_uuid")) or directory.name
        status = meta.get("status", 1)
        end = meta.get("end_time")
        deleted = text(meta.get("lifecycle_stage"), "active") == "deleted"
        deleted_at = meta.get("deleted_time")
        info = RunInfo(
            run_uuid=run_id,
            run_id=run_id,
            experiment_id=experiment.experiment_id,
            run_name=text(meta.get("run_name")) or text(meta.get("name")),
            user_id=text(meta.get("user_id")),
            status=_STATUSES.get(status, "FINISHED") if isinstance(status, int) else str(status),
            start_time=integer(meta.get("start_time"), _changed_ms(directory)),
            end_time=None if end is None else integer(end, 0),
            artifact_uri=text(meta.get("artifact_uri")),
            lifecycle_stage="deleted" if deleted else "active",
        )
        data = RunData(
            params=yaml_files.values(directory / "params", self._noticed),
            tags=yaml_files.values(directory / "tags", self._noticed),
        )
        run = Run(
            info=info,
            data=data,
            inputs=inputs_of(directory, self._noticed),
            outputs=outputs_of(directory, self._noticed),
        )
        return SourceRun(run=run, deleted_at_ms=None if deleted_at is None else integer(deleted_at, 0))

    def whole(self, run: Run) -> Run:
        """See `Source.whole`."""
        return run

    def points(self, run: Run) -> Iterator[Point]:
        """See `Source.points`."""
        directory = self._directory(run.info.experiment_id) / run.info.run_id / "metrics"
        for key, path in yaml_files.named_files(directory, self._noticed):
            yield from self._points(key, path)

    def _points(self, key: str, path: Path) -> Iterator[Point]:
        for number, line in yaml_files.lines(path, "metric", self._noticed):
            try:
                yield _point(key, line.split())
            except ValueError:
                why = "the line is not a timestamp, a value and a step"
                self._noticed.append(Problem(kind="metric", what=f"metric {path}, line {number}", why=why))

    def models(self, experiment: Experiment) -> Iterator[SourceModel]:
        """See `Source.models`."""
        directory = self._directory(experiment.experiment_id) / "models"
        return logged_models(directory, experiment.experiment_id, self._noticed)

    def model_points(self, model: LoggedModel) -> Iterator[Metric]:
        """See `Source.model_points`."""
        directory = self._directory(model.info.experiment_id) / "models" / model.info.model_id / "metrics"
        return model_points(directory, model.info.model_id, self._noticed)

    def registered_models(self) -> Iterator[SourceRegistered]:
        """See `Source.registered_models`."""
        return registered_models(self._root / "models", self._noticed)

    def versions(self, name: str) -> Iterator[SourceVersion]:
        """See `Source.versions`."""
        return versions(self._root / "models" / name, name, self._noticed)

    def tree(self, owner: Run | LoggedModel) -> Tree | None:
        """See `Source.tree`. Where the directory was moved, its artifacts are looked for where it is now."""
        home = self._directory(owner.info.experiment_id)
        owner_id = owner.info.run_id if isinstance(owner, Run) else owner.info.model_id
        beside = (home if isinstance(owner, Run) else home / "models") / owner_id / "artifacts"
        stated = local_directory(owner.info.artifact_uri, self._proxied)
        found = beside if beside.is_dir() else stated
        return None if found is None else own_tree(found, owner_id)

    def problems(self) -> Iterator[Problem]:
        """See `Source.problems`."""
        noticed, self._noticed[:] = list(self._noticed), []
        yield from noticed

    def left_behind(self) -> Iterator[Problem]:
        """See `Source.left_behind`."""
        for directory in self._directories():
            traces = len(yaml_files.subdirectories(directory / "traces", self._noticed))
            if traces:
                what = f"{traces} traces of experiment {directory.name}"
                yield Problem(kind="trace", what=what, why="traces are not kept here")

    def close(self) -> None:
        """See `Source.close`."""


def _experiments_in(root: Path) -> list[Path]:
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if path.name.isdigit() and path.is_dir())


def _changed_ms(path: Path) -> int:
    """When a directory changed last: for what has no time of its own."""
    return path.stat().st_mtime_ns // 1_000_000


def _point(key: str, parts: list[str]) -> Point:
    """A line of a metric's file. Very old ones have no step. Raises ValueError."""
    if len(parts) not in (2, 3, 5) or any(abs(int(part)) >= 2**63 for part in (parts[0], *parts[2:3])):
        raise ValueError(parts)
    value = float(parts[1])
    step = int(parts[2]) if len(parts) > 2 else 0
    return Point(
        key,
        str(value) if value in (float("inf"), -float("inf")) or value != value else value,
        int(parts[0]),
        step,
    )


def _conforms(source: DirectorySource) -> Source:
    return source
