"""Replaying the runs of one store to another: what was tracked offline, as if it had been online.

May be ended and begun again at any moment. What a run became is noted in the source as a tag once the target
has the run; until then it is found there by a tag of its own, which is removed in the end. Everything else is
logged anew each time, which changes nothing where it is there already.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from tracking_client.client import TrackingClient
from tracking_client.errors import NotFound
from tracking_client.replaying.experiments import ExperimentReplay
from tracking_client.replaying.files import copy_files
from tracking_client.replaying.marks import WHOLE, mark_for, without_marks
from tracking_client.replaying.models import ModelReplay
from tracking_client.replaying.references import translated, without_references
from tracking_client.wire import names
from tracking_client.wire.entities import (
    LoggedModelInput,
    LoggedModelOutput,
    Metric,
    Param,
    Run,
    RunStatus,
    RunTag,
)


@dataclass(slots=True, kw_only=True)
class Replay:
    """Replays runs of `source` to `target`. Used by one thread.

    `progress` is told the run that is being replayed. Every method raises ApiError, TransportError,
    ArtifactError and OSError.
    """

    source: TrackingClient
    target: TrackingClient
    progress: Callable[[Run], None] = lambda _run: None
    replayed: int = 0
    """Runs that are on the target, whole."""
    unfinished: int = 0
    """Runs that have not ended yet: they are replayed as far as they are, and again the next time."""
    _experiments: ExperimentReplay = field(init=False)
    _models: ModelReplay = field(init=False)
    _runs: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._experiments = ExperimentReplay(source=self.source, target=self.target)
        self._models = ModelReplay(source=self.source, target=self.target)

    def all_runs(self) -> None:
        """Replays every run that the target does not have whole, and models that no run made."""
        for run in self._to_replay():
            self.progress(run)
            self._replay(run)
            if RunStatus.is_terminated(run.info.status):
                self.replayed += 1
            else:
                self.unfinished += 1
        self._replay_models_of_no_run()

    def waiting(self) -> int:
        """How many runs there are to replay."""
        return sum(1 for _ in self._to_replay())

    def _to_replay(self) -> Iterator[Run]:
        for experiment in self.source.find_experiments():
            oldest_first = ["attributes.start_time ASC"]
            for run in self.source.find_runs([experiment.experiment_id], order_by=oldest_first):
                if not run.data.tags.get(self._mark, "").startswith(WHOLE):
                    yield run

    @property
    def _mark(self) -> str:
        return mark_for(self.target.transport)

    def _replay(self, run: Run) -> None:
        run_id = self._counterpart(run)
        self._replay_models(run, run_id)
        params = [Param(key, value) for key, value in self._translated(run.data.params).items()]
        self.target.log_batch(run_id, metrics=self._points(run), params=params, tags=self._tags(run))
        read = [LoggedModelInput(self.model_counterpart(item.model_id)) for item in run.inputs.model_inputs]
        if run.inputs.dataset_inputs or read:
            self.target.log_inputs(run_id, run.inputs.dataset_inputs, read)
        copy_files(self.source.artifact_root(run.info.run_id), self.target.artifact_root(run_id))
        # What it became is noted: the tag by which it would have been found has done its duty.
        with contextlib.suppress(NotFound):
            self.target.delete_tag(run_id, names.REPLAYED_FROM)
        if RunStatus.is_terminated(run.info.status):
            self.target.set_terminated(run_id, run.info.status, run.info.end_time)
            self.source.set_tag(run.info.run_id, self._mark, WHOLE + run_id)
        elif run.info.status != RunStatus.RUNNING:
            self.target.update_run(run_id, run.info.status, end_time=run.info.end_time)

    def _replay_models_of_no_run(self) -> None:
        """Those that no run was said to have made; with a run's others it is done with the run."""
        for experiment in self.source.find_experiments():
            for model in self.source.find_logged_models([experiment.experiment_id]):
                if not model.tags.get(self._mark, "").startswith(WHOLE):
                    self.model_counterpart(model.model_id)

    def _replay_models(self, run: Run, run_id: str) -> None:
        if not run.outputs.model_outputs:
            return
        made = []
        # MLflow's server fails where it is told of an output twice.
        told = {output.model_id for output in self.target.get_run(run_id).outputs.model_outputs}
        for output in run.outputs.model_outputs:
            there = self.model_counterpart(output.model_id)
            if there not in told:
                made.append(LoggedModelOutput(there, output.step))
        if made:
            self.target.log_outputs(run_id, made)

    def _points(self, run: Run) -> list[Metric]:
        """Every point of every metric, with the logged model and the data set that it belongs to."""
        points: list[Metric] = []
        of_models = self._points_of_models(run)
        for key in run.data.metrics:
            for point in self.source.get_metric_history(run.info.run_id, key):
                points.extend(of_models.get(_identity(point)) or [point])
        return points

    def _points_of_models(self, run: Run) -> dict[tuple[object, ...], list[Metric]]:
        found: dict[tuple[object, ...], list[Metric]] = {}
        used = {item.model_id for item in run.outputs.model_outputs}
        for model_id in used | {item.model_id for item in run.inputs.model_inputs}:
            there = self.model_counterpart(model_id)
            for point in self._models.points_of(model_id):
                if point.run_id in (None, run.info.run_id):
                    belonging = replace(point, model_id=there, run_id=None)
                    found.setdefault(_identity(point), []).append(belonging)
        return found

    def _counterpart(self, run: Run) -> str:
        """The id of the run on the target, which is made where it is not there yet."""
        known = run.data.tags.get(self._mark)
        if known is not None:
            return known.removeprefix(WHOLE)
        experiment_id = self._experiments.replay(run.info.experiment_id)
        found = self._made_before(run, experiment_id) or self._made(run, experiment_id)
        self.source.set_tag(run.info.run_id, self._mark, found)
        return found

    def _made_before(self, run: Run, experiment_id: str) -> str | None:
        wanted = f"tags.`{names.REPLAYED_FROM}` = '{run.info.run_id}'"
        for found in self.target.find_runs([experiment_id], wanted, max_results=1):
            return found.info.run_id
        return None

    def _made(self, run: Run, experiment_id: str) -> str:
        # Of ids the parent's alone: runs that name each other must not wait for each other to be made.
        tags = without_references(without_marks(run.data.tags)) | {names.REPLAYED_FROM: run.info.run_id}
        parent = run.data.tags.get(names.PARENT_RUN_ID)
        if parent is not None:
            tags[names.PARENT_RUN_ID] = self.run_counterpart(parent)
        made = self.target.create_run(
            experiment_id,
            start_time=run.info.start_time,
            tags=tags,
            run_name=run.info.run_name,
            run_id=run.info.run_id,
        )
        return made.info.run_id

    def _tags(self, run: Run) -> list[RunTag]:
        tags = self._translated(without_marks(run.data.tags))
        return [RunTag(key, value) for key, value in tags.items()]

    def _translated(self, values: dict[str, str]) -> dict[str, str]:
        return translated(values, self.run_counterpart, self.model_counterpart)

    def run_counterpart(self, run_id: str) -> str:
        """What a run that something else names is called on the target."""
        known = self._runs.get(run_id)
        if known is None:
            try:
                run = self.source.get_run(run_id)
            except NotFound:  # a run that was there already when this went offline, or no run at all
                known = run_id
            else:
                known = self._counterpart(run)
            self._runs[run_id] = known
        return known

    def model_counterpart(self, model_id: str) -> str:
        """What a logged model is called on the target, replayed where it is not there yet."""
        known = self._models.known(model_id)
        if known is not None:
            return known
        try:
            model = self.source.get_logged_model(model_id)
        except NotFound:  # a model that was there already when this went offline, or no model at all
            return model_id
        run_ids = None
        if model.source_run_id:
            run_ids = model.source_run_id, self.run_counterpart(model.source_run_id)
        return self._models.replay(model, self._experiments.replay(model.experiment_id), run_ids)


def _identity(point: Metric) -> tuple[object, ...]:
    return point.key, point.timestamp, point.step, repr(point.value)


__all__ = ["Replay"]
