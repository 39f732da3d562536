"""The trials of a sweep as they are in the store, and which objective they are compared by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, select

from tracking_server.store import compared_runs
from tracking_server.store.compared_runs import Last
from tracking_server.store.records import MAX_FLOAT
from tracking_server.store.schema import run_tags
from tracking_server.ui.sweep.choices import Choices

MOST_TRIALS = 10_000
"""So many trials are on a page, the latest ones."""

_MOST_POINTS_READ = 200_000

# As `runner` writes them: runner/sweeping/names.py.
SWEEP, STATE, METHOD, OBJECTIVE = (
    "runner.sweep",
    "runner.sweep.state",
    "runner.sweep.method",
    "runner.sweep.objective",
)
BUDGET, EXTENDED, SEED = "runner.sweep.trials", "runner.sweep.extended", "runner.sweep.seed"
WISH, ANSWER = "runner.sweep.wish", "runner.sweep.answer"
BEST_RUN, BEST_NAME, BASELINE_RUN = "best_run", "best_run_name", "baseline_run"
_OF_SWEEP = (
    *(SWEEP, STATE, METHOD, OBJECTIVE, BUDGET, EXTENDED, SEED, WISH, ANSWER),
    *(BEST_RUN, BEST_NAME, BASELINE_RUN),
)
_TRIAL, _POINT, _ATTEMPT = "runner.sweep.trial", "runner.sweep.point", "runner.sweep.attempt"
_SLOT, _BASELINE, _CAUSE = "runner.sweep.slot", "runner.baseline", "runner.sweep.cause"
_STOPPED_BY = "runner.sweep.stopped_by"
_REUSED = "trials_reused"
_OF_TRIAL = (_TRIAL, _POINT, _ATTEMPT, _SLOT, _BASELINE, _CAUSE, _STOPPED_BY)

_BIGGER_IS_BETTER = (
    *("acc", "auc", "f1", "r2", "score", "precision", "recall", "reward", "bleu", "rouge", "ndcg"),
    *("return", "map@", "mrr", "iou", "dice", "likelihood", "elbo", "throughput"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """The metric by which trials are compared. `is_declared`: the sweep said so, nobody had to guess."""

    metric: str
    goal: str
    is_declared: bool

    def loss(self, value: float) -> float:
        """The value as something to minimise."""
        return value if self.goal != "maximize" else -value


@dataclass(slots=True, kw_only=True)
class Trial:
    """A nested run. `number` counts from 1, as the names of trials do; 0 is the baseline.

    `state` is running, finished, early (stopped by a rule), failed or stopped (by a person, or nobody knows).
    `point` is which parameter set it tries, where repeats do. Of an attempt that another one followed,
    `is_superseded`. `value` is the objective; None where there is none, or it is no number.
    """

    row: int
    run_id: str
    name: str
    number: int
    state: str
    start_ms: int
    end_ms: int | None
    last: Last | None
    value: float | None
    point: int
    cause: str = ""
    slot: str = ""
    is_superseded: bool = False
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def counts(self) -> bool:
        """Whether it can be the best: it is over, and has a value."""
        return self.value is not None and self.state in ("finished", "early") and self.number > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A parent with its trials. `tags` are what `runner` notes of the sweep, empty for others' parents.

    `total` counts nested runs, up to one more than there is room for; the latest are in `trials`, the
    earliest first, superseded attempts and the baseline included. Of `metrics` the objective can be chosen.
    `version` changes with all of it. Of `by_last_value` trials the last value counts, though another should.
    `reused` runs, which are nested elsewhere, were taken for trials.
    """

    tags: Mapping[str, str]
    objective: Objective | None
    metrics: Sequence[str]
    total: int
    trials: Sequence[Trial]
    version: str
    by_last_value: int = 0
    reused: int = 0

    @property
    def is_runners(self) -> bool:
        """Whether `runner` conducts it, and notes how it stands."""
        return SWEEP in self.tags

    @property
    def counted(self) -> list[Trial]:
        """The trials proper: one for each number, without the baseline."""
        return [trial for trial in self.trials if trial.number > 0 and not trial.is_superseded]

    @property
    def baseline(self) -> Trial | None:
        """The run to beat."""
        found = [trial for trial in self.trials if trial.number == 0]
        return found[-1] if found else None


def tags_of_sweep(connection: Connection, row_id: int) -> dict[str, str]:
    """What `runner` notes of the sweep at its own run."""
    wanted = select(run_tags.c.key, run_tags.c.value).where(
        run_tags.c.run_id == row_id, run_tags.c.key.in_(_OF_SWEEP)
    )
    return {row.key: row.value for row in connection.execute(wanted)}


def of(
    connection: Connection,
    row_id: int,
    run_id: str,
    chosen: Choices,
    modes: Mapping[str, str] | None = None,
    *,
    status: str = "",
) -> Sweep:
    """The sweep whose own run is `run_id`, with the objective that was chosen, or the likeliest one.

    `modes` says of metrics which of a trial's values counts, where it is not the last one.
    """
    tags = tags_of_sweep(connection, row_id)
    rows = compared_runs.latest(connection, run_id, MOST_TRIALS)
    ids = [row.id for row in rows]
    counts = compared_runs.counts(connection, run_id, MOST_TRIALS + 1)
    names = compared_runs.metric_names(connection, ids)
    objective = objective_of(tags, names, chosen)
    lasts = compared_runs.last_values(connection, ids, objective.metric) if objective else {}
    noted = compared_runs.tags(connection, ids, _OF_TRIAL)
    trials = _trials(rows, lasts, noted)
    mode = (modes or {}).get(objective.metric, "last") if objective else "last"
    left = 0
    if objective is not None and mode != "last":
        left = _count_the_extreme(connection, trials, objective, mode)
    return Sweep(
        tags=tags,
        objective=objective,
        metrics=sorted({*names, *(name for name, _ in declared_objectives(tags))}),
        total=counts.total,
        trials=trials,
        version=_version(counts, tags, status),
        by_last_value=left,
        reused=_reused(connection, row_id),
    )


def _reused(connection: Connection, row_id: int) -> int:
    noted = compared_runs.last_values(connection, [row_id], _REUSED).get(row_id)
    return 0 if noted is None or finite(noted.value) is None else max(0, int(noted.value or 0))


def version(connection: Connection, row_id: int, run_id: str, status: str) -> str:
    """The version of the sweep whose own run has this `status`, without reading its trials."""
    return _version(
        compared_runs.counts(connection, run_id, MOST_TRIALS + 1), tags_of_sweep(connection, row_id), status
    )


def _version(counts: compared_runs.Counts, tags: Mapping[str, str], status: str) -> str:
    facts = [
        status,
        *astuple(counts),
        *(tags.get(name, "") for name in (STATE, BEST_RUN, BUDGET, WISH, ANSWER)),
    ]
    return sha256(repr(facts).encode()).hexdigest()[:16]


def _count_the_extreme(
    connection: Connection, trials: Sequence[Trial], objective: Objective, mode: str
) -> int:
    """Lets the least or the greatest value count, of the latest trials; of how many it does not."""
    least = mode == "min" or (mode == "best" and objective.goal == "minimize")
    wanted, points = list[Trial](), 0
    for trial in reversed([trial for trial in trials if trial.last is not None]):
        assert trial.last is not None
        points += max(0, trial.last.step) + 1
        if points > _MOST_POINTS_READ:
            break
        wanted.append(trial)
    found = compared_runs.extremes(connection, [trial.row for trial in wanted], objective.metric)
    for trial in wanted:
        if trial.row in found:
            trial.value = finite(found[trial.row][0 if least else 1])
    return sum(trial.last is not None for trial in trials) - len(wanted)


def finite(value: float | None) -> float | None:
    """A stored value as a number to compare; None for NaN and the infinite."""
    return None if value is None or abs(value) == MAX_FLOAT else value


def declared_objectives(tags: Mapping[str, str]) -> list[tuple[str, str]]:
    """The objectives that a sweep of `runner` noted, each with its goal."""
    found = []
    for said in tags.get(OBJECTIVE, "").split(", "):
        metric, _, goal = said.rpartition(" ")
        if metric and goal in ("minimize", "maximize"):
            found.append((metric, goal))
    return found


def objective_of(tags: Mapping[str, str], names: Mapping[str, int], chosen: Choices) -> Objective | None:
    """What trials are compared by: what was chosen, what was declared, or what most of them have logged."""
    declared = dict(declared_objectives(tags))
    metric = chosen.objective
    if metric not in declared and metric not in names:
        measured = [name for name in names if not name.startswith("system/")] or list(names)
        most = min(measured, key=lambda name: (-names[name], len(name), name), default="")
        metric = next(iter(declared), most)
    if not metric:
        return None
    goal = chosen.goal or declared.get(metric) or _likely_goal(metric)
    return Objective(metric=metric, goal=goal, is_declared=declared.get(metric) == goal)


def _likely_goal(metric: str) -> str:
    is_score = any(word in metric.lower() for word in _BIGGER_IS_BETTER)
    return "maximize" if is_score and "loss" not in metric.lower() else "minimize"


def _trials(
    rows: Iterable[Any], lasts: Mapping[int, Last], noted: Mapping[int, Mapping[str, str]]
) -> list[Trial]:
    trials, latest = list[Trial](), dict[int, tuple[int, Trial]]()
    place = 0
    for row in rows:
        tags = noted.get(row.id, {})
        place += _BASELINE not in tags
        last = lasts.get(row.id)
        number = _number(tags.get(_TRIAL))
        trial = Trial(
            row=row.id,
            run_id=row.uuid,
            name=row.name,
            number=0 if _BASELINE in tags else place if number is None else number + 1,
            state=_state(row.status, tags, last),
            start_ms=row.start_ms,
            end_ms=row.end_ms,
            last=last,
            value=None if last is None else finite(last.value),
            point=-1,
            cause=tags.get(_CAUSE, "").replace("_", " "),
            slot=tags.get(_SLOT, ""),
        )
        point = _number(tags.get(_POINT))
        trial.point = trial.number if point is None else point
        trials.append(trial)
        attempt = _number(tags.get(_ATTEMPT)) or 0
        _, earlier = latest.get(trial.number, (0, None))
        if earlier is not None and attempt >= latest[trial.number][0]:
            earlier.is_superseded = True
        if earlier is None or attempt >= latest[trial.number][0]:
            latest[trial.number] = attempt, trial
        else:
            trial.is_superseded = True
    return trials


def _state(status: str, tags: Mapping[str, str], last: Last | None) -> str:
    if status in ("RUNNING", "SCHEDULED"):
        return "running"
    if _STOPPED_BY in tags and last is not None:
        return "early"
    cause = tags.get(_CAUSE)
    if cause == "stopped" or (status == "KILLED" and cause is None):
        return "stopped"
    return "failed" if status != "FINISHED" or cause else "finished"


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 12 else None
