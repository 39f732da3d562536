"""How long commands take, measured in turns so that a busy moment hits both sides alike."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A program to be timed."""

    argv: Sequence[str]
    environ: Mapping[str, str]
    cwd: Path
    timeout_s: float = 300.0


def seconds(command: Command) -> float:
    """Runs the command and returns its wall time in seconds. Exits with its output where it fails."""
    started = time.perf_counter()
    output(command)
    return time.perf_counter() - started


def output(command: Command) -> str:
    """Runs the command and returns what it printed. Exits with that where it fails."""
    process = subprocess.Popen(
        command.argv,
        cwd=command.cwd,
        env=dict(command.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        printed, _ = process.communicate(timeout=command.timeout_s)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    text = printed.decode(errors="replace")
    if process.returncode:
        sys.exit(f"{text[-3000:]}\n{' '.join(command.argv)} failed with exit code {process.returncode}")
    return text


def in_turns(commands: Mapping[str, Command], *, repeats: int, warm_up: int = 1) -> dict[str, list[float]]:
    """The wall times of each command, in seconds; the warm-up rounds are not among them."""
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(warm_up + repeats):
        for name, command in commands.items():
            time_s = seconds(command)
            if turn >= warm_up:
                taken[name].append(time_s)
    return taken


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)
