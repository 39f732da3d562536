"""What the parent run shows of its sweep.

The best so far after each trial, who it was, and how many there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from runner.model.space import text_of
from runner.model.trial import Trial, TrialResult
from runner.recording.record import recordable
from runner.sweeping.entries import Condemned
from runner.sweeping.ledger import BASELINE, Ledger
from runner.sweeping.names import (
    BASELINE_RUN_TAG,
    BEST_NAME_TAG,
    BEST_PARAMS_TAG,
    BEST_RUN_TAG,
    CAUSE_TAG,
    REUSED_TAG,
    STOPPED_AT_RUNG_TAG,
    STOPPED_AT_STEP_TAG,
    STOPPED_BECAUSE_TAG,
    STOPPED_BY_TAG,
    SWEEP_STATE_TAG,
)
from tracking_client.client import TrackingClient
from tracking_client.wire.entities import Metric, RunTag

_LONGEST_TAG = 5000
_FINISHED = "trials_finished"


@dataclass(frozen=True, slots=True)
class Figures:
    """Points of the parent run's curves, and its tags."""

    metrics: tuple[Metric, ...]
    tags: Mapping[str, str]

    def followed_by(self, later: Figures) -> Figures:
        """Both in one: of a tag that both have, the later value."""
        return Figures(self.metrics + later.metrics, {**self.tags, **later.tags})


@dataclass(frozen=True, slots=True)
class TrialEnd:
    """What the end of a trial changes: the parent's figures, and (`mark`) the trial's own run."""

    figures: Figures
    mark: Callable[[], None] | None


class Books:
    """Keeps the parent run's metrics and tags. The step of a metric is the number of trials that are over.

    Each call looks at the ledger now and returns what is to be written later; doing it twice does no harm.
    """

    def __init__(self, client: TrackingClient, run_id: str, ledger: Ledger) -> None:
        self._client = client
        self._run_id = run_id
        self._ledger = ledger

    def attempt_ended(self, result: TrialResult) -> Callable[[], None]:
        """Notes at an attempt's own run why it has no value."""
        if result.cause is None or not result.run_id:
            return _nothing
        tags = [RunTag(key=CAUSE_TAG, value=result.cause)]
        return lambda: self._client.log_batch(result.run_id, tags=tags)

    def trial_ended(self, trial: Trial, at_ms: int) -> TrialEnd:
        """Notes the end of a trial with the parent, and at its own run why it has no value or was ended."""
        if trial.number == BASELINE:
            tags = {BASELINE_RUN_TAG: trial.run_ids[-1]} if trial.run_ids else {}
            metrics = self._baseline_metrics(trial)
        else:
            metrics, tags = self._metrics(), self._best()
        if trial.result is not None and trial.result.reused:
            tags[f"{REUSED_TAG}.{trial.name if trial.number >= 0 else 'baseline'}"] = trial.result.run_id
        step = len(self._ledger.over)
        points = (Metric(key=key, value=v, timestamp=at_ms, step=step) for key, v in metrics.items())
        figures = Figures(tuple(points), {key: value for key, value in tags.items() if value})
        return TrialEnd(figures, self._mark(trial, self._ledger.condemned.get(trial.number)))

    def show(self, figures: Figures) -> None:
        """Enters figures of the parent. Raises TrackingError."""
        tags = [RunTag(key=key, value=value) for key, value in figures.tags.items()]
        self._client.log_batch(self._run_id, metrics=figures.metrics, tags=tags)

    def missed(self, ends: Sequence[tuple[int, TrialEnd]]) -> Callable[[], None]:
        """Enters what an earlier process did not come to: (trials over by then, what it had to write)."""

        def enter() -> None:
            latest = self._client.get_run(self._run_id).data.latest_metrics
            entered = max((metric.step for metric in latest if metric.key == _FINISHED), default=-1)
            for over, end in ends:
                if over > entered:
                    if end.mark is not None:
                        end.mark()
                    self.show(end.figures)

        return enter

    def state(self, state: str) -> Callable[[], None]:
        """Notes what state the sweep is in."""
        return lambda: self._client.log_batch(self._run_id, tags=[RunTag(key=SWEEP_STATE_TAG, value=state)])

    def note(self, tags: Mapping[str, str]) -> Callable[[], None]:
        """Sets tags of the sweep's run."""
        noted = [RunTag(key=key, value=value) for key, value in tags.items()]
        return lambda: self._client.log_batch(self._run_id, tags=noted)

    def _mark(self, trial: Trial, condemned: Condemned | None) -> Callable[[], None] | None:
        result = trial.result
        if result is None or not result.run_id or result.reused:
            return None
        tags: dict[str, str] = {}
        if result.cause is not None:
            tags[CAUSE_TAG] = result.cause
        if condemned is not None and result.stopped_early:
            tags |= {
                STOPPED_BY_TAG: condemned.rule,
                STOPPED_AT_STEP_TAG: str(condemned.step),
                **({STOPPED_AT_RUNG_TAG: str(condemned.rung)} if condemned.rung is not None else {}),
                STOPPED_BECAUSE_TAG: recordable(condemned.reason)[:_LONGEST_TAG],
            }
        if not tags:
            return None
        texts = [RunTag(key=key, value=value) for key, value in tags.items()]
        return lambda: self._client.log_batch(result.run_id, tags=texts)

    def _baseline_metrics(self, trial: Trial) -> dict[str, float]:
        if trial.result is None or trial.result.values is None:
            return {}
        pairs = zip(self._ledger.sweep.objectives, trial.result.values, strict=True)
        return {f"baseline_{objective.metric}": value for objective, value in pairs}

    def _metrics(self) -> dict[str, float]:
        ledger = self._ledger
        counts = {
            _FINISHED: float(len(ledger.over) - ledger.failed - ledger.stopped),
            "trials_failed": float(ledger.failed),
            "trials_stopped_early": float(ledger.stopped_early),
        }
        if ledger.stopped:
            counts["trials_stopped"] = float(ledger.stopped)
        if ledger.reused:
            counts["trials_reused"] = float(ledger.reused)
        point = ledger.best_point
        values = None if point is None else ledger.values(point)
        if values is None:
            return counts
        best = {o.metric: value for o, value in zip(ledger.sweep.objectives, values, strict=True)}
        return {**counts, **best}

    def _best(self) -> dict[str, str]:
        best = self._ledger.best_trial()
        if best is None:
            return {}
        params = {name: text_of(value) for name, value in best.params.items()}
        return {
            BEST_RUN_TAG: best.run_ids[-1],
            BEST_NAME_TAG: best.name,
            BEST_PARAMS_TAG: recordable(str(dict(best.params)))[:_LONGEST_TAG],
            **{f"best_{name}": recordable(value)[:_LONGEST_TAG] for name, value in params.items()},
        }


def _nothing() -> None:
    """What there is to write where there is nothing."""
