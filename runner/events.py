"""News of a run's progress, for whoever draws it.

An event may be dropped: nothing is decided by one. What must not be lost is a call to the recorder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from runner.model.run import RunStatus


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


Event = (
    SourceProgress
    | CheckoutReady
    | EnvironmentProgress
    | EnvironmentReady
    | RunStarted
    | OutputLine
    | RunEnded
    | Warned
)
Listener = Callable[[Event], None]


def ignore(_: Event) -> None:
    """The listener of those who want no news."""
