"""Replaying the runs of one store to another: what was tracked offline, as if it had been online.

May be ended and begun again at any moment. What a run became is noted in the source as a tag once the target
has the run; until then it is found there by a tag of its own, which is removed in the end. Everything else is
logged anew each time, which changes nothing where it is there already.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tracking_client.artifact_stores.root import ArtifactRoot
from tracking_client.client import TrackingClient
from tracking_client.errors import NotFound
from tracking_client.wire import names
from tracking_client.wire.entities import FileInfo, Param, Run, RunStatus, RunTag


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
    _experiments: dict[str, str] = field(default_factory=dict)

    def all_runs(self) -> None:
        """Replays every run that the target does not have whole."""
        for run in self._to_replay():
            self.progress(run)
            self._replay(run)
            if RunStatus.is_terminated(run.info.status):
                self.replayed += 1
            else:
                self.unfinished += 1

    def waiting(self) -> int:
        """How many runs there are to replay."""
        return sum(1 for _ in self._to_replay())

    def _to_replay(self) -> Iterator[Run]:
        for experiment in self.source.find_experiments():
            oldest_first = ["attributes.start_time ASC"]
            for run in self.source.find_runs([experiment.experiment_id], order_by=oldest_first):
                if not run.data.tags.get(self._mark, "").startswith(_WHOLE):
                    yield run

    @property
    def _mark(self) -> str:
        """The tag of a run that says what it became on this target."""
        digest = hashlib.sha256(self.target.transport.target_uri.encode()).hexdigest()
        return f"{names.REPLAYED_AS}.{digest[:16]}"

    def _replay(self, run: Run) -> None:
        run_id = self._counterpart(run)
        params = [Param(key, value) for key, value in run.data.params.items()]
        metrics = [
            point
            for key in run.data.metrics
            for point in self.source.get_metric_history(run.info.run_id, key)
        ]
        self.target.log_batch(run_id, metrics=metrics, params=params, tags=self._tags(run))
        if run.inputs.dataset_inputs:
            self.target.log_inputs(run_id, run.inputs.dataset_inputs)
        self._replay_artifacts(run.info.run_id, run_id)
        # What it became is noted: the tag by which it would have been found has done its duty.
        with contextlib.suppress(NotFound):
            self.target.delete_tag(run_id, names.REPLAYED_FROM)
        if RunStatus.is_terminated(run.info.status):
            self.target.set_terminated(run_id, run.info.status, run.info.end_time)
            self.source.set_tag(run.info.run_id, self._mark, _WHOLE + run_id)

    def _counterpart(self, run: Run) -> str:
        """The id of the run on the target, which is made where it is not there yet."""
        known = run.data.tags.get(self._mark)
        if known is not None:
            return known.removeprefix(_WHOLE)
        experiment_id = self._experiment(run.info.experiment_id)
        found = self._made_before(run, experiment_id) or self._made(run, experiment_id)
        self.source.set_tag(run.info.run_id, self._mark, found)
        return found

    def _made_before(self, run: Run, experiment_id: str) -> str | None:
        wanted = f"tags.`{names.REPLAYED_FROM}` = '{run.info.run_id}'"
        for found in self.target.find_runs([experiment_id], wanted, max_results=1):
            return found.info.run_id
        return None

    def _made(self, run: Run, experiment_id: str) -> str:
        tags = {tag.key: tag.value for tag in self._tags(run)} | {names.REPLAYED_FROM: run.info.run_id}
        made = self.target.create_run(
            experiment_id,
            start_time=run.info.start_time,
            tags=tags,
            run_name=run.info.run_name,
            run_id=run.info.run_id,
        )
        return made.info.run_id

    def _tags(self, run: Run) -> list[RunTag]:
        tags = {key: value for key, value in run.data.tags.items() if not key.startswith(names.REPLAYED_AS)}
        parent = tags.get(names.PARENT_RUN_ID)
        if parent is not None:
            tags[names.PARENT_RUN_ID] = self._counterpart_of(parent)
        return [RunTag(key, value) for key, value in tags.items()]

    def _counterpart_of(self, run_id: str) -> str:
        """What a run, which another one names as its parent, is called on the target."""
        try:
            return self._counterpart(self.source.get_run(run_id))
        except NotFound:  # a run that was there already when this went offline
            return run_id

    def _experiment(self, experiment_id: str) -> str:
        known = self._experiments.get(experiment_id)
        if known is None:
            ours = self.source.get_experiment(experiment_id)
            theirs = self.target.ensure_experiment(ours.name)
            known = self._experiments[experiment_id] = theirs.experiment_id
        return known

    def _replay_artifacts(self, run_id: str, target_id: str) -> None:
        source, target = self.source.artifact_root(run_id), self.target.artifact_root(target_id)
        for directory, entries in _directories(source):
            there = {entry.path: entry.file_size for entry in target.entries(directory)} if entries else {}
            for entry in entries:
                if entry.path in there and there[entry.path] == entry.file_size:
                    continue
                with tempfile.TemporaryDirectory(prefix="replay-") as folder:
                    local = Path(folder, "artifact")
                    source.get(entry.path, local)
                    target.put(local, entry.path)


def _directories(root: ArtifactRoot) -> Iterator[tuple[str, list[FileInfo]]]:
    """Every directory of a run's artifacts, with the files in it."""
    left = [""]
    while left:
        directory = left.pop()
        entries = root.entries(directory)
        left.extend(entry.path for entry in entries if entry.is_dir)
        yield directory, [entry for entry in entries if not entry.is_dir]


_WHOLE = "whole:"

__all__ = ["Replay"]
