"""Warm starts: what runs programs, forked from a template where that cannot be told from a cold start."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from runner.process import run_program
from runner.program import Program, RunProgram
from runner.warm.importlib_bootstrap.hidden import module_names
from runner.warm.modules_to_import import Step, steps_of
from runner.warm.python_command import NotWarm, PythonCommand, read_command
from runner.warm.template_process import TemplateFailed, TemplateProcess
from tracking_client import context

if TYPE_CHECKING:
    from typing_extensions import Self

RUN_VARIABLES = frozenset({context.RUN_ID, context.LAUNCHED_RUN_ID, context.TOKEN})
"""Variables that differ from run to run: a template neither has them nor depends on them."""

_CRASHES = frozenset(
    -number
    for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGSYS)
)
_AT_START = ("PYTHONINSPECT", "PYTHONPROFILEIMPORTTIME", "PYTHONTRACEMALLOC", "PYTHONVERBOSE", "LD_PRELOAD")
_MOST_TEMPLATES = 16
_MOST_ATTEMPTS = 4

_Key = tuple[object, ...]


@dataclass(slots=True)
class _Place:
    """What is known about one template: there is none yet, there is one, or (`reason`) there will be none."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    process: TemplateProcess | None = None
    omitted: set[int] = field(default_factory=set)
    attempts: int = 0
    reason: str | None = None
    used: int = 0


class Templates:
    """Runs programs as `runner.process.run_program`, warm where that makes no difference. Thread-safe.

    A template is started by the first program that needs it, which waits for it as long as it would import
    the modules itself; those that differ in Python, options, imports, environment or processors have their
    own. `cold` is how the others are run. `warm_count` is how many programs have run warm to their end.
    `say` is called with a sentence, once for each reason, where a program that has the form of a warm start
    is run cold. Programs go on when the templates are closed. `own_variables` differ from run to run: a
    template never sees them.
    """

    def __init__(
        self,
        *,
        say: Callable[[str], None] = lambda _: None,
        own_variables: frozenset[str] = RUN_VARIABLES,
        start_limit_s: float = 120.0,
        cold: RunProgram = run_program,
    ) -> None:
        self._say = say
        self._own_variables = own_variables
        self._start_limit_s = start_limit_s
        self._cold = cold
        self._places: dict[_Key, _Place] = {}
        self._said: set[str] = set()
        self._lock = threading.Lock()
        self.warm_count = 0
        self._uses = 0
        self._closed = False

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
        """Ends all templates. What is run from now on is run cold."""
        with self._lock:
            self._closed = True
            places = list(self._places.values())
        for place in places:
            with place.lock:
                if place.process is not None:
                    place.process.close()
                    place.process = None

    def run_program(self, program: Program) -> int:
        """Runs the program to its end and returns its exit code; all as in `runner.process.run_program`.

        One that crashes in a fork (a segmentation fault, an abort) is run again, cold.
        """
        code = self._run_warm(program)
        return self._cold(program) if code is None else code

    def _run_warm(self, program: Program) -> int | None:
        """The exit code of a warm program, or None where it has to be run cold."""
        try:
            command = self._warm_command(program)
            script = program.cwd / command.script
            steps = steps_of(script, own_modules=command.has_script_path)
            place = self._place(command, steps, program.environ)
            process = self._process(place, command, steps, program)
            _check_names(process, command, script)
        except NotWarm as error:
            self._tell(_name_of(program.argv), str(error))
            return None
        if program.stop.signal_number is not None:
            return None
        try:
            code = process.run(command, program)
        except TemplateFailed as failure:
            self._lose(place, process)
            self._tell(command.script, str(failure))
            return None
        for reason in process.news():
            self._give_up(place, command, reason)
        if code in _CRASHES and program.stop.signal_number is None:
            self._give_up(place, command, f"ended by {signal.Signals(-code).name} in a warm start")
            return None
        with self._lock:
            self.warm_count += 1
        return code

    def _warm_command(self, program: Program) -> PythonCommand:
        if self._closed or sys.platform != "linux":
            raise NotWarm
        command, environ = read_command(program.argv), program.environ
        if (
            shutil.which(command.python, path=environ.get("PATH", os.defpath)) is None
            and "/" not in command.python
        ):
            raise NotWarm
        for entry in environ.get("PYTHONPATH", "").split(os.pathsep) if environ.get("PYTHONPATH") else ():
            if not os.path.isabs(entry):
                raise NotWarm(f"PYTHONPATH has an entry, {entry!r}, that depends on the directory")
        for name in _AT_START:
            if environ.get(name):
                raise NotWarm(f"{name} concerns the interpreter's start")
        if environ.get("PYTHONSAFEPATH") and "-E" not in command.options:
            raise NotWarm("PYTHONSAFEPATH is set")
        return command

    def _place(self, command: PythonCommand, steps: tuple[Step, ...], environ: Mapping[str, str]) -> _Place:
        kept = tuple(
            sorted((name, value) for name, value in environ.items() if name not in self._own_variables)
        )
        what = tuple((step.kind, step.text, step.value, step.module, step.line) for step in steps)
        processors = frozenset(os.sched_getaffinity(0))
        key = (command.python, command.options, command.script, what, kept, processors)
        with self._lock:
            place = self._places.setdefault(key, _Place())
            self._uses += 1
            place.used = self._uses
            return place

    def _process(
        self,
        place: _Place,
        command: PythonCommand,
        steps: tuple[Step, ...],
        program: Program,
    ) -> TemplateProcess:
        """The template of the place, started where there is none. Raises NotWarm."""
        with place.lock:
            if place.process is not None and not place.process.is_current():
                place.process.close()
                place.process = None
            while place.process is None:
                if place.reason is not None:
                    raise NotWarm(place.reason)
                if self._closed or program.stop.signal_number is not None:
                    raise NotWarm
                if place.attempts >= _MOST_ATTEMPTS:
                    place.reason = f"{place.attempts} templates were lost"
                    continue
                place.attempts += 1
                place.process = self._started(place, command, steps, program)
            process = place.process
        self._close_the_oldest(place)
        return process

    def _started(
        self,
        place: _Place,
        command: PythonCommand,
        steps: tuple[Step, ...],
        program: Program,
    ) -> TemplateProcess | None:
        wanted = [step for number, step in enumerate(steps) if number not in place.omitted]
        numbers = [number for number in range(len(steps)) if number not in place.omitted]
        theirs = {name: value for name, value in program.environ.items() if name not in self._own_variables}
        try:
            process = TemplateProcess(command, wanted, cwd=program.cwd, environ=theirs)
        except OSError:
            raise NotWarm from None
        try:
            process.wait_until_ready(program.stop, self._start_limit_s)
        except TemplateFailed as error:
            process.close()
            if error.omit is None:
                place.reason = str(error)
            else:
                place.omitted.add(numbers[error.omit])
                self._tell(command.script, f"{error}; each run imports it itself", warm=True)
            return None
        except BaseException:
            process.close()
            raise
        if program.stop.signal_number is not None:
            process.close()
            place.attempts -= 1
            return None
        return process

    def _close_the_oldest(self, kept: _Place) -> None:
        with self._lock:
            live = [
                place for place in self._places.values() if place.process is not None and place is not kept
            ]
            surplus = sorted(live, key=lambda place: place.used)[: max(0, len(live) + 1 - _MOST_TEMPLATES)]
        for place in surplus:
            with place.lock:
                if place.process is not None:
                    place.process.close()
                    place.process = None

    def _lose(self, place: _Place, process: TemplateProcess) -> None:
        with place.lock:
            if place.process is process:
                place.process = None
                process.close()

    def _give_up(self, place: _Place, command: PythonCommand, reason: str) -> None:
        with place.lock:
            place.reason = reason
            if place.process is not None:
                place.process.close()
                place.process = None
        self._tell(command.script, reason)

    def _tell(self, script: str, reason: str, *, warm: bool = False) -> None:
        message = f"{script} is started {'warm, but' if warm else 'cold'}: {reason}"
        with self._lock:
            if not reason or message in self._said:
                return
            self._said.add(message)
        self._say(message)


def _check_names(process: TemplateProcess, command: PythonCommand, script: Path) -> None:
    if not command.has_script_path:
        return
    own = process.names & module_names(os.path.dirname(os.path.realpath(script)))
    if own:
        name = min(own)
        raise NotWarm(f"its directory has a module {name} of its own, which hides Python's or a package's")


def _name_of(argv: Sequence[str]) -> str:
    """What a message calls the program: its script, or the program itself."""
    return next((word for word in argv[1:] if word.endswith(".py")), argv[0] if argv else "")
