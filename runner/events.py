"""News of a run's progress, for whoever draws it.

An event may be dropped: nothing is decided by one. What must not be lost is a call to the recorder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from runner.model.run import RunStatus
from runner.model.sweep import Sweep
from runner.model.trial import Trial, TrialResult


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceProgress:
    """Fetching takes longer than a second: `step` says what is going on, for people."""

    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutReady:
    """The project's sources are on disk at `directory`; `description` is one line for people."""

    directory: Path
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentProgress:
    """A build is under way: `step` says which (`waiting`, `creating`, `installing`, `compiling` …)."""

    fingerprint: str
    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentReady:
    """The environment can be used. `built` is False where it was there before."""

    fingerprint: str
    built: bool
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """The tracked run exists and its program is about to start."""

    run_id: str
    run_name: str
    entry_point: str
    tracking_uri: str
    experiment_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputLine:
    """Bytes that the program wrote, redacted: a line with its end, or a part without one."""

    run_id: str
    stream: Literal["stdout", "stderr"]
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """The program is over and the record closed."""

    run_id: str
    run_name: str
    status: RunStatus
    exit_code: int | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """Something a person should know that stops nothing."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepStarted:
    """A sweep begins, or goes on.

    `trials` are those that it has already, `total` is the budget (None: a grid's end).
    """

    run_id: str
    run_name: str
    tracking_uri: str
    experiment_id: str
    sweep: Sweep
    total: int | None
    trials: tuple[Trial, ...] = ()
    resumed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialStarted:
    """An attempt at a trial was launched, in slot `slot`."""

    trial: Trial
    attempt: int
    slot: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialProgress:
    """What a running trial logged of its objective: the last (step, value)."""

    number: int
    step: int
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialEnded:
    """A trial is over; `best` is the best one so far. Where `retried`, another attempt follows."""

    trial: Trial
    result: TrialResult
    best: Trial | None
    over: int
    retried: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepExtended:
    """A running sweep has a larger budget: `total`, in parameter sets."""

    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepEnding:
    """No new trials are launched, for this reason; `running` are still at work, or being ended."""

    reason: str
    running: int
    stops_running: bool = False


Event = (
    SourceProgress
    | CheckoutReady
    | EnvironmentProgress
    | EnvironmentReady
    | RunStarted
    | OutputLine
    | RunEnded
    | Warned
    | SweepStarted
    | TrialStarted
    | TrialProgress
    | TrialEnded
    | SweepEnding
    | SweepExtended
)
Listener = Callable[[Event], None]


def ignore(_: Event) -> None:
    """The listener of those who want no news."""
