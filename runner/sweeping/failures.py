"""Why a trial has no value, told apart by what is left of it. Pure."""

from __future__ import annotations

import math
import re
import signal
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from runner.errors import suggestion
from runner.model.run import Outcome, RunStatus
from runner.model.sweep import Objective, Retries
from runner.model.trial import Cause
from runner.sweeping.tracebacks import exception_of

_KILL, _TERM = signal.SIGKILL, signal.SIGTERM
_SHELL_SIGNAL_BASE = 128
# What Python, numpy, PyTorch, TensorFlow, XLA, C++ and the operating system say when memory has run out.
_OUT_OF_MEMORY = re.compile(
    r"^(?:[\w.]+\.)?(?:MemoryError|_ArrayMemoryError|OutOfMemoryError|ResourceExhaustedError)\b"
    r"|CUDA out of memory|CUDA error: out of memory|CUDA_ERROR_OUT_OF_MEMORY"
    r"|RESOURCE_EXHAUSTED: (?:Out of memory|OOM)|OOM when allocating|std::bad_alloc"
    r"|Cannot allocate memory|Unable to allocate .* for an array|DefaultCPUAllocator: can't allocate",
)
_LAST_LINES = 60
NOT_ITS_FAULT: frozenset[Cause] = frozenset({"lost", "provision", "stopped"})
"""Causes that say nothing about the parameters: whoever searches is not told that they were bad."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """What is known of an attempt that is over.

    `outcome` is None where the process that looked after it died with it. `ended_for` is the word with which
    it was stopped ("": nobody stopped it; `early`, `timeout`, `stopped`). `values` are the objectives, None
    for each that was not logged; `logged` are the names of all metrics. `memory_kills` is how many processes
    the kernel killed for memory while it ran, as far as that can be known.
    """

    outcome: Outcome | None
    ended_for: str = ""
    values: Sequence[float | None] = ()
    logged: Collection[str] = ()
    memory_kills: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """A cause, and a sentence for people."""

    cause: Cause
    reason: str


def failure_of(remains: Remains, objectives: Sequence[Objective]) -> Failure | None:
    """Why the attempt has no value; None where it has one."""
    outcome = remains.outcome
    if outcome is None:
        return Failure("lost", "the process that looked after it died")
    if remains.ended_for == "timeout":
        return Failure(
            "timeout", f"it took longer than a trial may, and was stopped after {outcome.seconds:.0f} s"
        )
    if remains.ended_for == "early":
        return _without_objective(remains, objectives)
    if remains.ended_for:
        return Failure("stopped", outcome.reason or "it was stopped")
    if outcome.status is RunStatus.KILLED:
        return Failure("lost", f"{outcome.reason or 'it was killed'}, by none of us")
    if outcome.status is RunStatus.FAILED:
        return _of_a_failed_program(outcome, remains.memory_kills)
    return _without_objective(remains, objectives)


def _of_a_failed_program(outcome: Outcome, memory_kills: int) -> Failure:
    if outcome.exit_code is None:
        return Failure("provision", outcome.reason or "it could not be started")
    number = _signal_of(outcome.exit_code)
    if number == _KILL and memory_kills > 0:
        return Failure("out_of_memory", "the kernel killed it because memory had run out")
    said = _said_of_memory(outcome.tail)
    if said is not None and number != _TERM:
        return Failure("out_of_memory", f"it ran out of memory: {said[:200]}")
    if number in (_KILL, _TERM):
        return Failure("lost", f"something killed it with {signal.Signals(number).name}, and none of us did")
    raised = exception_of(outcome.tail)
    return Failure("crashed", f"{outcome.reason}: {raised}" if raised else outcome.reason)


def _said_of_memory(tail: str) -> str | None:
    # Lines that are set back are the program's source, shown by a traceback.
    lines = [line for line in tail.splitlines()[-_LAST_LINES:] if not line[:1].isspace()]
    return next((line for line in reversed(lines) if _OUT_OF_MEMORY.search(line)), None)


def _signal_of(exit_code: int) -> int:
    if exit_code < 0:
        return -exit_code
    # A shell, and docker, tell a signal by a number above 128.
    return exit_code - _SHELL_SIGNAL_BASE if exit_code > _SHELL_SIGNAL_BASE else 0


def _without_objective(remains: Remains, objectives: Sequence[Objective]) -> Failure | None:
    for objective, value in zip_longest(objectives, remains.values[: len(objectives)]):
        if value is None:
            return Failure("no_objective", _missing(objective.metric, remains.logged))
        if not math.isfinite(value):
            return Failure("diverged", f"its {objective.metric} is {value}")
    return None


def _missing(metric: str, logged: Collection[str]) -> str:
    if not logged:
        return f"it logged no metric {metric!r}, and no other"
    meant = suggestion(metric, logged)
    hint = f"; did you mean {meant!r}?" if meant else ""
    return f"it logged no metric {metric!r}, but {', '.join(sorted(logged))}{hint}"


def may_retry(retries: Retries, cause: Cause | None, attempts_before: int) -> bool:
    """Whether another attempt follows, after `attempts_before` that were repeats (0 for the first)."""
    return cause in retries.on and attempts_before < retries.limit
