"""The one meaning of a run: `perform(spec) -> Outcome`. Executors only choose where it is called.

The performer alone owns the run's status: whatever happens between opening and closing the record ends in
exactly one of FINISHED, FAILED and KILLED, with the reason beside it.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from runner.conversation import ProgramNotStarted
from runner.environments.current import inheritance
from runner.environments.ensure import ensure
from runner.errors import RecordingError, RunnerError
from runner.events import EnvironmentReady, Listener, RunEnded, RunStarted, Warned
from runner.model.command import Command
from runner.model.environment import Environment
from runner.model.run import Outcome, RunSpec, RunStatus
from runner.model.source import Checkout
from runner.output import OutputLog
from runner.process import program_of_ours, run_program
from runner.program import Program, RunProgram
from runner.recording.open_run import OpenRun
from runner.recording.recorder import Recorder
from runner.recording.ticket import Ending
from runner.redaction import Redactor, secrets_in
from runner.settings import Settings
from runner.sources.credentials import display_url
from runner.sources.path_parameters import places_in
from runner.sources.scratch import scratch_folder, written_changes
from runner.sources.working_copy import remove_working_copy, working_copies, working_copy
from runner.sources.written import keep_copy, keep_what_was_written
from runner.stop import Stop, Stopped

_DOWNLOAD_LIMIT_BYTES = 100 * 1024**3

Beside = Callable[[Callable[[], None]], object]
"""Takes work and does it soon, on another thread, where it raises nothing that matters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Performer:
    """What performing needs beside the order. Thread-safe."""

    recorder: Recorder
    settings: Settings
    listener: Listener
    environ: Mapping[str, str]
    run_warm: RunProgram | None = None
    """How programs are started whose orders allow a warm start; None: as all others."""
    run_cold: RunProgram = run_program
    """How all others are started."""
    copy_sources: Callable[[Checkout, Path], Checkout] = working_copy
    """How a run gets its own copy of shared sources."""
    beside: Beside | None = None
    """Who does what no program and no outcome has to wait for; None: it is waited for."""


def perform(
    spec: RunSpec, performer: Performer, *, stop: Stop, opened: Callable[[str], None] = lambda _: None
) -> Outcome:
    """Performs the order to its end and returns what came of it; calls `opened(run_id)` once the run exists.

    A program that fails or is stopped is an Outcome, not an exception. Raises ProvisionError where the
    environment could not be had (the run is then FAILED with that reason) and RecordingError where the
    server could not be told of the run at all.
    """
    with stop.interruptible():
        run = performer.recorder.open(spec)
    opened(run.run_id)
    performance = _Performance(spec, performer, run, stop)
    try:
        outcome = performance.to_the_end()
    except BaseException as error:
        performance.close(_ending_by(error))
        raise
    performance.close(outcome)
    return performance.outcome(outcome)


class _Performance:
    """One run, from its open record to the closed one."""

    def __init__(self, spec: RunSpec, performer: Performer, run: OpenRun, stop: Stop) -> None:
        self.spec = spec
        self.performer = performer
        self.run = run
        self.stop = stop
        self.started = time.monotonic()
        self.tail = ""
        self.is_all_sent = True
        self.afterwards = ExitStack()

    def to_the_end(self) -> Ending:
        with self.afterwards:
            try:
                with self.stop.interruptible():
                    self._record_order()
                    environment = self._environment()
                    self.run.record_environment(environment)
                    checkout = self._own_checkout()
                    command = self._command(checkout)
            except Stopped as stopped:
                return _killed(stopped.signal_number, None)
            return self._execute(environment, command, checkout.directory)

    def _record_order(self) -> None:
        provenance, state_dir = self.spec.checkout.provenance, self.performer.settings.state_dir
        self.run.record_params(partial(written_changes, provenance, state_dir))
        self._beside(self.run.record_description)

    def _beside(self, work: Callable[[], None]) -> None:
        """Does work that nobody has to wait for: here, or elsewhere, and then its faults are said."""
        if self.performer.beside is None:
            work()
        else:
            self.performer.beside(partial(self._heard, work))

    def _heard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001  # nobody waits for it, but somebody must hear of it
            self.performer.listener(Warned(message=f"run {self.run.run_name}: {error}"))

    def _environment(self) -> Environment:
        started = time.monotonic()
        spec = self.spec.environment
        if self.spec.build_image:
            from runner.environments.docker import build_image

            provenance = self.spec.checkout.provenance
            spec = build_image(
                spec,
                project_name=self.spec.project_name or "docker-project",
                commit=provenance.commit,
                dirty_digest=provenance.dirty.digest if provenance.dirty else None,
                cache_dir=self.performer.settings.cache_dir,
                environ=self.performer.environ,
                timeout_s=self.performer.settings.build_timeout_s,
            )
        environment, built = ensure(
            spec,
            cache_dir=self.performer.settings.cache_dir,
            environ=self._builders_environ(),
            listener=self.performer.listener,
            timeout_s=self.performer.settings.build_timeout_s,
        )
        self.performer.listener(
            EnvironmentReady(
                fingerprint=environment.fingerprint, built=built, seconds=time.monotonic() - started
            )
        )
        return environment

    def _builders_environ(self) -> dict[str, str]:
        installer = self.performer.settings.installer
        return {**self.performer.environ, **({"RUNNER_INSTALLER": installer} if installer else {})}

    def _own_checkout(self) -> Checkout:
        # What lies in the cache is read by many runs; a program may write beside its code.
        self.afterwards.callback(self._leave_copy)
        return self.performer.copy_sources(self.spec.checkout, self._copy)

    @property
    def _copy(self) -> Path:
        return working_copies(self.performer.settings.state_dir) / self.run.run_id

    def _leave_copy(self) -> None:
        """Removes the run's own copy of the sources; what the program wrote there is kept if it is to be."""
        shared, keep = self.spec.checkout.shared_root, self.spec.keep
        if shared is not None and keep is not None and self._copy.exists():
            try:
                keep_what_was_written(self._copy, shared, keep)
            except OSError as error:
                # Rather a copy too many than a file that is lost.
                message = f"what the run wrote cannot be moved to {keep}, its whole copy is kept: {error}"
                self.performer.listener(Warned(message=message))
                keep_copy(self._copy, keep)
                return
        self._beside(partial(remove_working_copy, self.spec.checkout, self._copy))

    def _command(self, checkout: Checkout) -> Command:
        """The command, once what it needs from elsewhere is on this machine, and in the run's own copy."""
        fetched = self._downloaded() | self._in_own_copy(checkout)
        if not fetched:
            return self.spec.command
        return self.spec.entry_point.bind(self.spec.params, base=self.spec.base, fetched=fetched).command

    def _in_own_copy(self, checkout: Checkout) -> dict[str, str]:
        if not self.spec.within or checkout is self.spec.checkout:
            return {}
        return places_in(self._copy, self.spec.within)

    def _downloaded(self) -> dict[str, str]:
        if not self.spec.downloads:
            return {}
        folder = self.spec.storage_dir
        if folder is None:
            folder = self.afterwards.enter_context(scratch_folder(self.performer.settings.state_dir))
        folder = folder / self.run.run_id
        folder.mkdir(parents=True)
        fetched = {}
        for name, uri in self.spec.downloads:
            place = folder / name
            place.mkdir()
            fetched[name] = str(self._fetched(uri, place))
        return fetched

    def _fetched(self, uri: str, into: Path) -> Path:
        if not uri.startswith(("http://", "https://")):
            return self.run.fetch_artifact(uri, into)
        file = into / (PurePosixPath(urlsplit(uri).path).name or "download")
        settings = self.performer.settings
        from runner.sources.download import download

        download(uri, file, timeout_s=settings.fetch_timeout_s, limit_bytes=_DOWNLOAD_LIMIT_BYTES)
        return file

    def _execute(self, environment: Environment, command: Command, directory: Path) -> Ending:
        context = self.run.context()
        environ = self._programs_environ(environment, context.apply)
        log = OutputLog(
            self.run.log_path,
            run_id=self.run.run_id,
            redactor=Redactor(secrets_in(environ)),
            listener=self.performer.listener,
        )
        self._announce(context.tracking_uri)
        if environment.kind == "docker":
            from runner.environments.docker import stop_container

            # A container outlives a `docker run` that was killed.
            self.afterwards.callback(stop_container, self._container(), environ=environ)
        try:
            exit_code = self._starter()(
                Program(
                    argv=[*self._prefix(environment, context.tracking_uri), *command.argv],
                    run_id=self.run.run_id,
                    cwd=directory,
                    environ=environ,
                    on_output=log.feed,
                    stop=self.stop,
                    grace_s=self.performer.settings.grace_s,
                    last_resort=(
                        *program_of_ours("runner.recording.lost_runs"),
                        str(self.run.ticket.path),
                    ),
                )
            )
        except ProgramNotStarted as error:
            return _ending(RunStatus.FAILED, None, f"{command.argv[0]}: {error}")
        finally:
            log.close()
            self.tail = log.tail()
        return _ended(exit_code, self.stop)

    def _starter(self) -> RunProgram:
        return (self.performer.run_warm if self.spec.warm else None) or self.performer.run_cold

    def _programs_environ(
        self, environment: Environment, as_this_run: Callable[[Mapping[str, str]], dict[str, str]]
    ) -> dict[str, str]:
        environ = as_this_run(environment.environ(self.performer.environ))
        environ.update(inheritance(environment))
        environ.update(self.spec.variables)
        # A program that writes to a pipe would keep its lines to itself until it has 8 KiB of them.
        environ.setdefault("PYTHONUNBUFFERED", "1")
        return environ

    def _announce(self, tracking_uri: str | None) -> None:
        self.performer.listener(
            RunStarted(
                run_id=self.run.run_id,
                run_name=self.run.run_name,
                entry_point=self.spec.entry_point.name,
                tracking_uri=display_url(tracking_uri or self.performer.recorder.uri),
                experiment_id=self.run.experiment_id,
            )
        )

    def _container(self) -> str:
        return f"runner-{self.run.run_id}"

    def _prefix(self, environment: Environment, tracking_uri: str | None) -> tuple[str, ...]:
        if environment.kind != "docker":
            return environment.prefix_argv
        from runner.environments.docker import container_argv

        host = urlsplit(tracking_uri or "").hostname or ""
        return container_argv(
            environment,
            name=self._container(),
            docker_args=self.spec.docker_args,
            host_network=sys.platform == "linux" and (host == "localhost" or host.startswith("127.")),
        )

    def close(self, ending: Ending) -> None:
        end = self.run.note_end(ending)
        self.is_all_sent = end.is_all_sent
        try:
            # Whoever waits for the outcome need not wait for the server too.
            if end.is_kept:
                self._beside(end.tell)
            else:
                end.tell()
        except RecordingError as error:
            self.performer.listener(Warned(message=str(error)))
        self.performer.listener(
            RunEnded(
                run_id=self.run.run_id,
                run_name=self.run.run_name,
                status=ending.status,
                exit_code=ending.exit_code,
                seconds=time.monotonic() - self.started,
            )
        )

    def outcome(self, ending: Ending) -> Outcome:
        return Outcome(
            run_id=self.run.run_id,
            run_name=self.run.run_name,
            status=ending.status,
            exit_code=ending.exit_code,
            seconds=time.monotonic() - self.started,
            log_path=self.run.log_path,
            tail=self.tail,
            reason=ending.reason,
            is_all_sent=self.is_all_sent,
        )


def _ended(exit_code: int, stop: Stop) -> Ending:
    if stop.signal_number is not None:
        return _killed(stop.signal_number, exit_code)
    if exit_code == 0:
        return _ending(RunStatus.FINISHED, 0, "")
    if exit_code < 0:
        return _ending(RunStatus.FAILED, exit_code, f"ended by {signal.Signals(-exit_code).name}")
    return _ending(RunStatus.FAILED, exit_code, f"exit code {exit_code}")


def _killed(signal_number: int, exit_code: int | None) -> Ending:
    return _ending(RunStatus.KILLED, exit_code, f"stopped by {signal.Signals(signal_number).name}")


def _ending_by(error: BaseException) -> Ending:
    if isinstance(error, (Stopped, KeyboardInterrupt)):
        return _killed(getattr(error, "signal_number", signal.SIGINT), None)
    reason = str(error) if isinstance(error, RunnerError) else f"a fault of runner: {error!r}"
    return _ending(RunStatus.FAILED, None, reason)


def _ending(status: RunStatus, exit_code: int | None, reason: str) -> Ending:
    return Ending(status=status, exit_code=exit_code, reason=reason, ended_at_ms=int(time.time() * 1000))
