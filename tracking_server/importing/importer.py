"""The import: from a source to a target, record by record, artifacts before the run they belong to is ended.

The target is the only memory: a run that it holds with the source's state is whole and is passed over, and
everything else may come twice. So an import may be killed at any moment and started again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from tracking_client.wire import limits
from tracking_server.importing.artifacts import copy_tree
from tracking_server.importing.checks import model_id_problem
from tracking_server.importing.outbox import Outbox
from tracking_server.importing.protocols import Source, SourceModel, SourceRun, Target
from tracking_server.importing.records import (
    AliasRecord,
    ExperimentBegin,
    ExperimentEnd,
    ModelRecord,
    Place,
    Point,
    Problem,
    RegisteredModelRecord,
    RunBegin,
    RunEnd,
    RunPoints,
    RunsHere,
    VersionRecord,
)
from tracking_server.store.records import Experiment, LoggedModel, Run, Tag

T = TypeVar("T")

RUNS_PER_QUESTION = 100
POINTS_PER_RECORD = 2000
PROMPT_TAG = "mlflow.prompt.is_prompt"


class Importer:
    """One import. `carried` counts what is in the target now, `passed` what was there already.

    `artifacts` False leaves them, and the runs point to where the source has them. `again` goes through runs
    that are there already, too. `on_problem` is told at once; `on_progress` often.
    """

    def __init__(
        self,
        source: Source,
        target: Target,
        *,
        artifacts: bool = True,
        again: bool = False,
        on_problem: Callable[[Problem], None],
        on_progress: Callable[[], None] = lambda: None,
    ) -> None:
        self._source = source
        self._target = target
        self._artifacts = artifacts
        self._again = again
        self._problem = on_problem
        self._progress = on_progress
        self._outbox = Outbox(target, on_problem)
        self.carried: Counter[str] = Counter()
        self.passed: Counter[str] = Counter()

    def run(self) -> None:
        """Import everything. Raises SourceError, TargetError."""
        places: list[tuple[Experiment, Place]] = []
        for experiment in self._source.experiments():
            place = self._begin(experiment)
            if place is None:
                continue
            places.append((experiment, place))
            for runs in _chunks(self._source.runs(experiment), RUNS_PER_QUESTION):
                self._runs(runs, place)
                self._tell_problems()
        for experiment, place in places:  # metrics of models name runs of any experiment
            for model in self._source.models(experiment):
                self._model(model, place)
            self._end(experiment, place)
        self._registry()
        self._outbox.flush()
        self._tell_problems()
        for problem in self._source.left_behind():
            self._problem(problem)

    def _tell_problems(self) -> None:
        for problem in self._source.problems():
            self._problem(problem)
        self._progress()

    def _begin(self, experiment: Experiment) -> Place | None:
        what = f"experiment '{experiment.name[:100]}'"
        if not experiment.name or len(experiment.name) > limits.MAX_EXPERIMENT_NAME_LENGTH:
            why = f"its name is empty or longer than {limits.MAX_EXPERIMENT_NAME_LENGTH} characters"
            self._problem(Problem(kind="experiment", what=f"{what} with its runs", why=why))
            return None
        self._outbox.put(
            ExperimentBegin(
                source_id=experiment.experiment_id,
                name=experiment.name,
                creation_time=experiment.creation_time,
                tags=self._fit(experiment.tags, "tag", what),
            )
        )
        places = self._outbox.flush().places
        if not places:  # told why
            return None
        place = places[-1]
        self.carried["experiments"] += 1
        self._tell_problems()
        return place

    def _end(self, experiment: Experiment, place: Place) -> None:
        self._outbox.put(
            ExperimentEnd(
                experiment_id=place.experiment_id,
                last_update_time=experiment.last_update_time,
                deleted=experiment.lifecycle_stage == "deleted",
            )
        )

    def _runs(self, runs: list[SourceRun], place: Place) -> None:
        here: set[str] = set()
        if not self._again:
            infos = tuple(found.run.info for found in runs)
            self._outbox.put(RunsHere(experiment_id=place.experiment_id, runs=infos))
            here = set(self._outbox.flush().runs_here)
        for found in runs:
            if found.run.info.run_id in here:
                self.passed["runs"] += 1
            else:
                self._run(found, place)

    def _run(self, found: SourceRun, place: Place) -> None:
        what = f"run {found.run.info.run_id}"
        if (problem := limits.run_id_problem(found.run.info.run_id)) is not None:
            self._problem(Problem(kind="run", what=what, why=problem))
            return
        run = self._source.whole(found.run)
        info = run.info
        where = self._copied(run, f"{place.artifact_location}/{info.run_id}/artifacts", what)
        self._outbox.put(
            RunBegin(
                experiment_id=place.experiment_id,
                info=info,
                params=self._fit(run.data.params, "parameter", what),
                tags=self._fit(run.data.tags, "tag", what),
                inputs=run.inputs,
                outputs=run.outputs,
                artifact_uri=where,
            )
        )
        for points in _chunks(self._fit_points(self._source.points(run), what), POINTS_PER_RECORD):
            self._outbox.put(
                RunPoints(experiment_id=place.experiment_id, run_id=info.run_id, points=tuple(points))
            )
            self.carried["metric_points"] += len(points)
            self._progress()
        self._outbox.put(
            RunEnd(experiment_id=place.experiment_id, info=info, deleted_at_ms=found.deleted_at_ms)
        )
        self.carried["runs"] += 1
        self._progress()

    def _copied(self, owner: Run | LoggedModel, destination: str, what: str) -> str | None:
        """Copy the artifacts of `owner`; the URI under which they stay at the source, or None."""
        source_uri = owner.info.artifact_uri
        tree = self._source.tree(owner)
        if self._artifacts and tree is not None:
            copied = copy_tree(tree, self._target, destination, self._problem, what, self._progress)
            self.carried["files"] += copied.files
            self.carried["bytes"] += copied.size_bytes
            self.passed["files"] += copied.passed
            return None
        if source_uri.startswith(("mlflow-artifacts:", "models:", "runs:")) or not source_uri:
            if tree is None and source_uri:
                why = f"{source_uri} leads through a server that is not being imported"
                self._problem(Problem(kind="artifacts", what=what, why=why))
            return None
        return source_uri

    def _model(self, found: SourceModel, place: Place) -> None:
        model = found.model
        what = f"logged model {model.info.model_id[:300]}"
        if (problem := model_id_problem(model.info.model_id)) is not None:  # it is a part of paths
            self._problem(Problem(kind="model", what=what, why=problem))
            return
        destination = f"{place.artifact_location}/models/{model.info.model_id}/artifacts"
        where = self._copied(model, destination, what)
        self._outbox.put(
            ModelRecord(
                experiment_id=place.experiment_id, model=model, deleted=found.deleted, artifact_uri=where
            )
        )
        self.carried["logged_models"] += 1
        self._progress()

    def _registry(self) -> None:
        for found in self._source.registered_models():
            model = found.model
            what = f"registered model '{model.name}'"
            if any(tag.key == PROMPT_TAG and tag.value.lower() == "true" for tag in model.tags):
                self._problem(Problem(kind="prompt", what=model.name, why="prompts are not kept here"))
                continue
            self._outbox.put(
                RegisteredModelRecord(
                    name=model.name,
                    creation_timestamp=model.creation_timestamp,
                    last_updated_timestamp=model.last_updated_timestamp,
                    description=model.description,
                    tags=self._fit(model.tags, "tag", what),
                )
            )
            self.carried["registered_models"] += 1
            for version in self._source.versions(model.name):
                self._outbox.put(
                    VersionRecord(version=version.version, storage_location=version.storage_location)
                )
                self.carried["model_versions"] += 1
            if found.aliases:
                self._outbox.put(AliasRecord(name=model.name, aliases=found.aliases))
            self._progress()

    def _fit(self, tags: tuple[Tag, ...], kind: str, what: str) -> tuple[Tag, ...]:
        """Those of `tags` whose names can be stored; the others are told."""
        fitting: list[Tag] = []
        for tag in tags:
            problem = limits.key_problem(tag.key, kind)
            if problem is None:
                fitting.append(tag)
            else:
                self._problem(Problem(kind=kind, what=f"{what}: {kind} '{tag.key[:100]}'", why=problem))
        return tuple(fitting)

    def _fit_points(self, points: Iterable[Point], what: str) -> Iterator[Point]:
        verdicts: dict[str, str | None] = {}
        for point in points:
            if point.key not in verdicts:
                verdict = verdicts[point.key] = limits.key_problem(point.key, "metric")
                if verdict is not None:
                    named = f"{what}: metric '{point.key[:100]}'"
                    self._problem(Problem(kind="metric", what=named, why=verdict))
            if verdicts[point.key] is None:
                yield point


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
