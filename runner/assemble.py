"""The only place that knows which parts make up the whole: Settings -> recorder, executor, performer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import RequestError, SettingsError
from runner.events import Listener
from runner.executors.inline import InlineExecutor
from runner.model.run import Outcome, RunSpec
from runner.model.source import Checkout
from runner.perform import Beside, Performer, perform
from runner.prepare import Wishes
from runner.process import run_program
from runner.program import RunProgram
from runner.recording.limits import tracking_problem
from runner.recording.recorder import Recorder
from runner.settings import Settings, read_settings
from runner.sources.working_copy import working_copy
from runner.stop import Stop

if TYPE_CHECKING:
    from runner.executors.local import LocalExecutor
    from runner.sweeping.conductor import Conductor


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """Everything that runs of one caller share. Thread-safe."""

    wishes: Wishes
    listener: Listener
    recorder: Callable[[], Recorder]

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.wishes.settings

    def performer(
        self,
        *,
        run_warm: RunProgram | None = None,
        run_cold: RunProgram = run_program,
        copy_sources: Callable[[Checkout, Path], Checkout] = working_copy,
        beside: Beside | None = None,
    ) -> Callable[[RunSpec, Stop, Callable[[str], None]], Outcome]:
        """`perform` with its surroundings filled in."""
        performer = Performer(
            recorder=self.recorder(),
            settings=self.settings,
            listener=self.listener,
            environ=self.wishes.environ,
            run_warm=run_warm,
            run_cold=run_cold,
            copy_sources=copy_sources,
            beside=beside,
        )

        def performed(spec: RunSpec, stop: Stop, opened: Callable[[str], None]) -> Outcome:
            return perform(spec, performer, stop=stop, opened=opened)

        return performed

    def conductor(self, cwd: Path) -> Conductor:
        """What sweeps are conducted with."""
        from runner.engine_environment import searcher_for
        from runner.sweeping.conductor import Conductor

        return Conductor(
            recorder=self.recorder(),
            settings=self.settings,
            listener=self.listener,
            environ=self.wishes.environ,
            cwd=cwd,
            searcher_for=partial(
                searcher_for,
                cache_dir=self.settings.cache_dir,
                environ=self.wishes.environ,
                listener=self.listener,
            ),
        )

    def inline(self, stop: Stop) -> InlineExecutor:
        """Runs in the foreground, stopped by `stop`."""
        return InlineExecutor(self.performer(), stop)

    def local(self) -> LocalExecutor:
        """Runs in threads beside the caller's."""
        from runner.executors.local import LocalExecutor

        return LocalExecutor(self.performer())


def assemble(environ: Mapping[str, str], *, listener: Listener, cwd: Path) -> Workshop:
    """The parts for a caller in `cwd` with these variables. Raises SettingsError; starts nothing."""
    settings = read_settings(environ)
    uri = settings.tracking_uri or default_tracking_uri(cwd)
    if problem := tracking_problem(uri):
        raise SettingsError(problem, key="tracking_uri", origin=settings.origins["tracking_uri"])
    made: list[Recorder] = []
    making = threading.Lock()

    def recorder() -> Recorder:
        with making:
            if not made:
                made.append(
                    Recorder(uri, state_dir=settings.state_dir, close_timeout_s=settings.close_timeout_s)
                )
        return made[0]

    return Workshop(
        wishes=Wishes(settings=settings, environ=dict(environ), tracking_uri=uri),
        listener=listener,
        recorder=recorder,
    )


def working_directory() -> Path:
    """The current directory. Raises RequestError where it was removed."""
    try:
        return Path.cwd()
    except OSError as error:
        raise RequestError(
            f"the current directory cannot be used: {error.strerror}", hint="change to one that exists"
        ) from None


def default_tracking_uri(directory: Path) -> str:
    """The store of `directory`: a database that a local server serves."""
    return f"sqlite:///{directory.absolute()}/mlruns.db"
