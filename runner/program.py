"""A program that is to be run for somebody."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.conversation import OutputReader
from runner.stop import Stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What is to be executed, and what happens meanwhile.

    `on_output` is called with each piece of output, on the thread that runs the program. A request at `stop`
    is passed on to the program's process group; `grace_s` seconds later it gets TERM and, after as long
    again, KILL. `last_resort` is an argv that the guardian executes if this process dies, with the exit code
    appended.
    """

    argv: Sequence[str]
    run_id: str
    cwd: Path
    environ: Mapping[str, str]
    on_output: OutputReader
    stop: Stop
    grace_s: float = 10.0
    last_resort: Sequence[str] = ()


RunProgram = Callable[[Program], int]
"""Runs a program to its end and returns its exit code: see `runner.process.run_program`."""
