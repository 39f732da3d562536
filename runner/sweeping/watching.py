"""Watches what running trials log, and has those stopped that a rule gives up; their programs need no change.

One search per look finds all running trials with the last step and value of each metric. Where a trial has
come to a step at which the rule may stop it, its whole curve is fetched: it does not matter when one looked.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

from runner.events import Listener, TrialProgress, Warned
from runner.model.sweep import Objective
from runner.recording.passing import may_pass
from runner.search.stopping.protocol import StoppingRule, Verdict
from runner.sweeping.names import ATTEMPT_TAG, TRIAL_TAG
from tracking_client.client import TrackingClient
from tracking_client.errors import NotFound, TrackingError
from tracking_client.wire.entities import Metric, Run
from tracking_client.wire.names import PARENT_RUN_ID

_CALL_S = 10.0
_LONGEST_PAUSE_S = 15.0


@dataclass(slots=True)
class _Watched:
    """The latest attempt at a trial; `announced` is the last (step, value) that was told."""

    run_id: str
    attempt: int
    is_stopped: bool = False
    announced: tuple[int, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What is watched: the running children of `parent_run_id` for the metric of `objective`.

    `stop` is called from the watcher's thread, once for each attempt that is to be stopped. `rule` None: only
    the progress is told, to `listener`.
    """

    client: TrackingClient
    parent_run_id: str
    experiment_id: str
    objective: Objective
    rule: StoppingRule | None
    stop: Callable[[int, Verdict], None]
    listener: Listener
    interval_s: float = 1.0


class Watcher:
    """The thread that watches a sweep's trials. It waits for a server that is away, and ends with `close`.

    `ended` may be called from any thread; what trials logged that ended before, or between two looks, counts
    in comparisons too. All other work is done by the thread.
    """

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._client = watch.client.apart(_CALL_S)
        self._trials: dict[int, _Watched] = {}
        self._ends: queue.SimpleQueue[tuple[int, str]] = queue.SimpleQueue()
        self._ends_to_read: list[tuple[int, str]] = []
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="runner-watch", daemon=True)
        self._has_warned_of_steps = False

    def start(self) -> None:
        """Begins to look."""
        self._thread.start()

    def ended(self, number: int, run_id: str) -> None:
        """A trial has ended, by itself or stopped, now or before this watcher began."""
        if number >= 0:  # the baseline is no rival
            self._ends.put((number, run_id))

    def close(self) -> None:
        """Looks no more; returns when the thread has ended, or is at its last call."""
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=_CALL_S + 1)

    def _run(self) -> None:
        pause_s = self._watch.interval_s
        while not self._closing.wait(pause_s):
            try:
                self.look()
                pause_s = self._watch.interval_s
            except TrackingError as error:
                if not may_pass(error):
                    self._watch.listener(
                        Warned(message=f"trials are no longer watched, and none is stopped early: {error}")
                    )
                    return
                pause_s = min(2 * pause_s, max(_LONGEST_PAUSE_S, self._watch.interval_s))
            except Exception as error:  # noqa: BLE001  # a fault of ours; the trials go on
                self._watch.listener(Warned(message=f"trials are no longer watched: {error!r}"))
                return

    def look(self) -> None:
        """Looks once at all trials, and has stopped what is to be stopped. Raises TrackingError."""
        self._read_ended()
        running = self._running()
        due = []
        for number, run in running:
            point = _latest(run, self._watch.objective.metric)
            if point is None or self._closing.is_set():
                continue
            self._tell(number, point)
            if self._is_due(number, point.step):
                self._fetch(number, run.info.run_id)
                due.append(number)
        # Judged when all that has been logged is known, in the order of the trials.
        for number in due:
            self._judge(number)

    def _running(self) -> list[tuple[int, Run]]:
        children = self._client.find_runs(
            [self._watch.experiment_id],
            f"tags.{PARENT_RUN_ID} = '{self._watch.parent_run_id}' and attributes.status = 'RUNNING'",
        )
        found: dict[int, tuple[int, Run]] = {}
        for run in children:
            number, attempt = _number(run, TRIAL_TAG), _number(run, ATTEMPT_TAG) or 0
            # A lost attempt may look as if it still ran.
            if number is not None and (number not in found or found[number][0] < attempt):
                found[number] = attempt, run
        for number, (attempt, run) in found.items():
            self._begin(number, attempt, run.info.run_id)
        return [(number, found[number][1]) for number in sorted(found)]

    def _begin(self, number: int, attempt: int, run_id: str) -> None:
        known = self._trials.get(number)
        if known is not None and known.run_id == run_id:
            return
        if known is not None and self._watch.rule is not None:
            self._watch.rule.forget(number)
        self._trials[number] = _Watched(run_id, attempt)

    def _tell(self, number: int, point: Metric) -> None:
        watched = self._trials[number]
        if watched.announced != (point.step, point.value):
            watched.announced = point.step, point.value
            self._watch.listener(TrialProgress(number=number, step=point.step, value=point.value))

    def _is_due(self, number: int, step: int) -> bool:
        rule = self._watch.rule
        return rule is not None and not self._trials[number].is_stopped and rule.is_due(number, step)

    def _judge(self, number: int) -> None:
        rule, watched = self._watch.rule, self._trials[number]
        verdict = None if rule is None else rule.judge(number)
        if verdict is not None and not self._closing.is_set():
            watched.is_stopped = True
            self._watch.stop(number, verdict)

    def _read_ended(self) -> None:
        while not self._ends.empty():
            self._ends_to_read.append(self._ends.get())
        rule = self._watch.rule
        if rule is None or not rule.compares:
            self._ends_to_read.clear()
        while self._ends_to_read and not self._closing.is_set():
            number, run_id = self._ends_to_read[0]
            try:
                self._begin(number, 0, run_id)
                self._fetch(number, run_id)
            except NotFound:
                pass  # somebody deleted it
            self._ends_to_read.pop(0)

    def _fetch(self, number: int, run_id: str) -> None:
        metric = self._watch.objective.metric
        points = [(p.step, p.value) for p in self._client.get_metric_history(run_id, metric)]
        if self._watch.rule is not None:
            self._watch.rule.observe(number, points)
        if len(points) > 1 and not any(step for step, _ in points) and not self._has_warned_of_steps:
            self._has_warned_of_steps = True
            self._watch.listener(
                Warned(
                    message=f"no trial can be stopped early: {metric!r} is logged without a step; "
                    "pass step= to log_metric"
                )
            )


def _latest(run: Run, metric: str) -> Metric | None:
    return next((found for found in run.data.latest_metrics if found.key == metric), None)


def _number(run: Run, tag: str) -> int | None:
    text = run.data.tags.get(tag, "")
    return int(text) if text.isdigit() else None
