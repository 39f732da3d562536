"""The import: from a source to a target, record by record, artifacts before the run they belong to is ended.

The target is the only memory: a run that it holds whole is passed over, and everything else may come twice.
So an import may be killed at any moment and started again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import msgspec

from tracking_client.wire import limits
from tracking_server.importing.artifacts import Copied, Copying, copy_tree
from tracking_server.importing.checks import model_id_problem
from tracking_server.importing.outbox import Outbox
from tracking_server.importing.protocols import NotItsOwn, Source, SourceModel, SourceRun, Target, Tree
from tracking_server.importing.records import (
    AliasRecord,
    ExperimentBegin,
    ExperimentEnd,
    ModelPoints,
    ModelRecord,
    ModelsHere,
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
from tracking_server.store.records import Experiment, LoggedModel, Metric, Run, Tag

T = TypeVar("T")
P = TypeVar("P", Point, Metric)

RUNS_PER_QUESTION = 100
MODELS_PER_QUESTION = 20
POINTS_PER_RECORD = 2000
PROMPT_TAG = "mlflow.prompt.is_prompt"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """The artifacts of a run or logged model: to be copied from `tree`, or staying where they are.

    `may_come`: nobody said how to reach them, and somebody may next time.
    """

    tree: Tree | None = None
    stay_at: str | None = None
    may_come: bool = False


class Importer:
    """One import. `carried` counts what is in the target now, `passed` what was there already.

    `artifacts` False leaves them, and the runs point to where the source has them. `again` goes through runs
    that are there already, too, and copies all files anew. `on_problem` is told at once; `on_progress` often.
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
            for models in _chunks(self._source.models(experiment), MODELS_PER_QUESTION):
                self._models(models, place)
                self._tell_problems()
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
        begin = ExperimentBegin(
            source_id=experiment.experiment_id,
            name=experiment.name,
            creation_time=experiment.creation_time,
            tags=self._fit(experiment.tags, "tag", what),
        )
        places = self._outbox.ask(begin).places
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
        infos = tuple(found.run.info for found in runs)
        question = RunsHere(experiment_id=place.experiment_id, runs=infos, again=self._again)
        reply = self._outbox.ask(question)
        here, followed = set(reply.runs_here), set(reply.followed)
        for found in runs:
            if found.run.info.run_id in here:
                self.passed["runs"] += 1
            else:
                self._run(found, place, followed=found.run.info.run_id in followed)

    def _run(self, found: SourceRun, place: Place, *, followed: bool) -> None:
        what = f"run {found.run.info.run_id}"
        if (problem := limits.run_id_problem(found.run.info.run_id)) is not None:
            self._problem(Problem(kind="run", what=what, why=problem))
            return
        run = self._source.whole(found.run)
        info = run.info
        files = self._files(run, what)
        self._outbox.put(
            RunBegin(
                experiment_id=place.experiment_id,
                info=info,
                params=self._fit(run.data.params, "parameter", what),
                tags=self._fit(run.data.tags, "tag", what),
                inputs=run.inputs,
                outputs=run.outputs,
                artifact_uri=files.stay_at,
            )
        )
        copied = self._copy(
            files, f"{place.artifact_location}/{info.run_id}/artifacts", what, followed=followed
        )
        for points in _chunks(self._fit_points(self._source.points(run), what), POINTS_PER_RECORD):
            self._outbox.put(
                RunPoints(experiment_id=place.experiment_id, run_id=info.run_id, points=tuple(points))
            )
            self.carried["metric_points"] += len(points)
            self._progress()
        # A run that is followed stays unfinished until all is here: of its files, the old ones must not pass.
        if not (copied.failed and followed):
            self._outbox.put(
                RunEnd(
                    experiment_id=place.experiment_id,
                    info=info,
                    deleted_at_ms=found.deleted_at_ms,
                    copied=files.tree is not None and not copied.failed,
                    incomplete=copied.failed > 0 or files.may_come,
                )
            )
        self.carried["runs"] += 1
        self._progress()

    def _files(self, owner: Run | LoggedModel, what: str) -> _Files:
        """Where the artifacts of `owner` are; what cannot be reached is told."""
        uri = owner.info.artifact_uri
        is_proxied = uri.startswith(("mlflow-artifacts:", "models:", "runs:")) or not uri
        try:
            tree = self._source.tree(owner)
        except NotItsOwn as error:
            self._problem(Problem(kind="artifacts", what=what, why=str(error)))
            return _Files(stay_at=None if is_proxied else uri)
        if self._artifacts and tree is not None:
            return _Files(tree=tree)
        if not is_proxied:
            return _Files(stay_at=uri)
        if tree is None and uri:
            why = f"{uri} leads through a server that is not being imported"
            self._problem(Problem(kind="artifacts", what=what, why=why))
        return _Files(may_come=self._artifacts and bool(uri))

    def _copy(self, files: _Files, destination: str, what: str, *, followed: bool) -> Copied:
        if files.tree is None:
            return Copied()
        copied = copy_tree(
            Copying(
                tree=files.tree,
                target=self._target,
                artifact_uri=destination,
                what=what,
                settled=not (followed or self._again),
                # From now on the target knows the state in which these files are, even if nothing else comes.
                before_file=self._outbox.flush,
                on_problem=self._problem,
                on_progress=self._progress,
            )
        )
        self.carried["files"] += copied.files
        self.carried["bytes"] += copied.size_bytes
        self.passed["files"] += copied.passed
        return copied

    def _models(self, models: list[SourceModel], place: Place) -> None:
        infos = tuple(found.model.info for found in models)
        reply = self._outbox.ask(ModelsHere(experiment_id=place.experiment_id, models=infos))
        for found in models:
            self._model(found, place, followed=found.model.info.model_id in reply.followed)

    def _model(self, found: SourceModel, place: Place, *, followed: bool) -> None:
        model, model_id = found.model, found.model.info.model_id
        what = f"logged model {model_id[:300]}"
        if (problem := model_id_problem(model_id)) is not None:  # it is a part of paths
            self._problem(Problem(kind="model", what=what, why=problem))
            return
        files = self._files(model, what)
        begin = ModelRecord(
            experiment_id=place.experiment_id,
            model=msgspec.structs.replace(model, data=msgspec.structs.replace(model.data, metrics=())),
            deleted=found.deleted,
            artifact_uri=files.stay_at,
            whole=False,
        )
        self._outbox.put(begin)
        destination = f"{place.artifact_location}/models/{model_id}/artifacts"
        copied = self._copy(files, destination, what, followed=followed)
        for points in _chunks(self._fit_points(self._source.model_points(model), what), POINTS_PER_RECORD):
            self._outbox.put(
                ModelPoints(experiment_id=place.experiment_id, model_id=model_id, points=tuple(points))
            )
            self._progress()
        if not (copied.failed and followed):
            is_copied = files.tree is not None and not copied.failed
            self._outbox.put(msgspec.structs.replace(begin, whole=True, copied=is_copied))
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

    def _fit_points(self, points: Iterable[P], what: str) -> Iterator[P]:
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
