"""Guardians by fork: what runs programs cold, without an interpreter's start for each one's guardian."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from runner.process import run_program
from runner.program import Program
from runner.stop import Stop
from runner.warm.python_command import PythonCommand
from runner.warm.template_process import TemplateFailed, TemplateProcess

if TYPE_CHECKING:
    from typing_extensions import Self

_START_LIMIT_S = 20.0
_MOST_STARTS = 3
_PYTHON = PythonCommand(
    python=sys.executable, options=("-I", "-S"), script="", arguments=(), has_script_path=False
)


class Guardians:
    """Runs programs as `runner.process.run_program`, which executes them; only guardians are forks.

    They come from one process, which the first program starts and which imports nothing for programs. Where
    it cannot be had, `run_program` does it all. Programs go on when this is closed. Thread-safe.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: TemplateProcess | None = None
        self._starts_left = _MOST_STARTS if sys.platform == "linux" else 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process. What is run from now on has a guardian started for it."""
        with self._lock:
            self._starts_left = 0
            process, self._process = self._process, None
        if process is not None:
            process.close()

    def run_program(self, program: Program) -> int:
        """Runs the program to its end and returns its exit code; all as in `runner.process.run_program`."""
        process = self._ready(program.stop)
        if process is not None and program.stop.signal_number is None:
            try:
                return process.run(_PYTHON, program, executed=True)
            except TemplateFailed:
                self._lose(process)
        return run_program(program)

    def _ready(self, stop: Stop) -> TemplateProcess | None:
        with self._lock:
            if self._process is None and self._starts_left and stop.signal_number is None:
                self._starts_left -= 1
                self._process = _started(stop)
            return self._process

    def _lose(self, process: TemplateProcess) -> None:
        with self._lock:
            if self._process is not process:
                return
            self._process = None
        process.close()


def _started(stop: Stop) -> TemplateProcess | None:
    try:
        process = TemplateProcess(_PYTHON, (), cwd=Path("/"), environ={"PATH": os.defpath})
    except OSError:
        return None
    try:
        process.wait_until_ready(stop, _START_LIMIT_S)
    except TemplateFailed:
        process.close()
        return None
    if stop.signal_number is not None:
        process.close()
        return None
    return process
