"""Runs for Python callers, with the names and semantics of `mlflow.projects`."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from runner.assemble import Workshop, assemble, working_directory
from runner.errors import RequestError, RunFailed
from runner.events import Event, OutputLine, RunEnded, RunStarted, Warned
from runner.executors.protocol import Job
from runner.model.run import Outcome, RunRequest
from runner.prepare import prepare
from runner.printable import on_one_line, printable
from runner.stop import Stop

if TYPE_CHECKING:
    from runner.sweeping.result import SweepResult


class SubmittedRun:
    """A run that was submitted. Thread-safe. Mirrors `mlflow.projects.SubmittedRun`."""

    def __init__(self, job: Job) -> None:
        self._job = job

    @property
    def run_id(self) -> str:
        """The tracked run's id. Raises what prevented the run from existing."""
        return self._job.run_id()

    def wait(self) -> bool:
        """Waits for the end; whether the run FINISHED."""
        return bool(self._job.result())

    def outcome(self) -> Outcome:
        """Waits for the end; what came of it: status, exit code, seconds, log and last lines."""
        return self._job.result()

    def get_status(self) -> str:
        """RUNNING, FINISHED, FAILED or KILLED."""
        if not self._job.done():
            return "RUNNING"
        try:
            return self._job.result().status.value
        except Exception:  # noqa: BLE001  # whatever kept it from running, it failed
            return "FAILED"

    def cancel(self) -> None:
        """Stops the program (TERM, then KILL) and waits; the run ends KILLED."""
        self._job.cancel()
        self._job.result()


def run(
    uri: str | os.PathLike[str],
    entry_point: str = "main",
    version: str | None = None,
    parameters: Mapping[str, object] | None = None,
    docker_args: Mapping[str, str | bool] | None = None,
    experiment_name: str | None = None,
    experiment_id: str | None = None,
    backend: str = "local",
    backend_config: Mapping[str, object] | str | None = None,
    storage_dir: str | None = None,
    synchronous: bool = True,
    run_id: str | None = None,
    run_name: str | None = None,
    env_manager: str | None = None,
    build_image: bool = False,
    docker_auth: Mapping[str, str] | None = None,
) -> SubmittedRun:
    """Runs an entry point of the project at `uri` and tracks it.

    The signature is that of `mlflow.projects.run`. Thread-safe: any number of threads may launch side by
    side. The new run is a child of the run that is active here, or of the run that launched this process.
    With `run_id`, an existing run is used, and gets the params and tags too.

    With `synchronous=False` the call returns as soon as the run exists; the run is then performed in a
    thread of this process.

    Raises RequestError (nothing was started), ProvisionError (sources, environment or tracking could not be
    had) and, when synchronous, RunFailed with the outcome.
    """
    if backend_config:
        raise RequestError(f"the backend {backend!r} takes no configuration", hint="leave backend_config out")
    if docker_auth:
        raise RequestError(
            "docker_auth is not taken: a password would pass through this program",
            hint="log in with `docker login` first",
        )
    if backend != "local":
        from runner.errors import UnknownPlugin

        raise UnknownPlugin("backend", backend, ["local"])
    workshop = _workshop()
    spec = prepare(
        RunRequest(
            uri=os.fspath(uri),
            entry_point=entry_point,
            version=version,
            parameters=_texts(parameters),
            docker_args=dict(docker_args or {}),
            experiment_name=experiment_name,
            experiment_id=experiment_id,
            storage_dir=Path(storage_dir) if storage_dir else None,
            run_id=run_id,
            run_name=run_name,
            env_manager=env_manager,
            build_image=build_image,
        ),
        workshop.wishes,
        workshop.listener,
    )
    submitted = SubmittedRun(workshop.local().submit(spec))
    _ = submitted.run_id
    if synchronous:
        _raise_if_failed(submitted.outcome())
    return submitted


def sweep(
    uri: str | os.PathLike[str],
    name: str,
    version: str | None = None,
    parameters: Mapping[str, object] | None = None,
    options: Mapping[str, object] | None = None,
    experiment_name: str | None = None,
    experiment_id: str | None = None,
    run_name: str | None = None,
    env_manager: str | None = None,
    new: bool = False,
) -> SweepResult:
    """Runs the sweep `name` that the project at `uri` declares, as `runner run -e NAME` does, to its end.

    `parameters` are fixed for all trials; `options` override the declaration, by dotted names:
    `{"max_trials": 50, "metric.goal": "maximize"}`. A sweep of the same declaration and code that was
    interrupted is gone on with, unless `new`. Its run is a child of the run that is active here.

    Raises RequestError (nothing was started) and ProvisionError. Trials that fail do not raise: look at the
    result. Ctrl-C stops the sweep and raises KeyboardInterrupt; it can be resumed. Thread-safe.
    """
    import yaml

    from runner.prepare import open_project, order_sweep
    from runner.sweeping.again import interrupted_like
    from runner.sweeping.conduct import begin
    from runner.sweeping.order import fingerprint
    from runner.sweeping.result import SweepResult
    from runner.sweeping.resuming import resume_sweep

    workshop = _workshop()
    request = RunRequest(
        uri=os.fspath(uri),
        entry_point=name,
        version=version,
        parameters=_texts(parameters),
        experiment_name=experiment_name,
        experiment_id=experiment_id,
        run_name=run_name,
        env_manager=env_manager,
    )
    opened = open_project(request, workshop.wishes, workshop.listener)
    if opened.project.sweep(name) is None:
        raise RequestError(
            f"{opened.project.manifest_path or opened.project.directory} declares no sweep {name!r}",
            hint=f"its sweeps: {', '.join(opened.project.sweeps) or 'none'}",
        )
    texts = {
        key: yaml.safe_dump(value, default_flow_style=True).removesuffix("...\n").strip()
        for key, value in (options or {}).items()
    }
    cwd = working_directory()
    order = order_sweep(opened, request, workshop.wishes, texts, base=cwd)
    kept = None if new else interrupted_like(workshop.settings.state_dir, fingerprint(order))
    stop = Stop()
    if kept is None:
        outcome = begin(order, workshop.conductor(cwd), stop=stop)
    else:
        outcome = resume_sweep(kept, workshop.wishes, workshop.conductor(cwd), stop=stop)
    return SweepResult.of(outcome)


def _texts(parameters: Mapping[str, object] | None) -> dict[str, str]:
    if parameters is not None and not isinstance(parameters, Mapping):
        raise RequestError(
            f"parameters must be a mapping of names to values, not {type(parameters).__name__}",
            hint="for example parameters={'alpha': 0.5}",
        )
    return {str(name): str(value) for name, value in (parameters or {}).items()}


def _raise_if_failed(outcome: Outcome) -> None:
    if outcome:
        return
    # In a traceback only the message is seen: it names the log and holds the last lines.
    tail = f"\n{outcome.tail}" if outcome.tail else ""
    raise RunFailed(
        f"run {outcome.run_name} ({outcome.run_id}) is {outcome.status.value}: {outcome.reason}"
        f" (log: {outcome.log_path}){tail}",
        outcome=outcome,
        hint=f"the whole log is {outcome.log_path}",
    )


def _workshop() -> Workshop:
    # Runs launched side by side share one recorder: one connection pool, one heartbeat.
    return _workshop_for(tuple(sorted(os.environ.items())), str(working_directory()), os.getpid())


@lru_cache(maxsize=4)
def _workshop_for(
    environ: tuple[tuple[str, str], ...],
    cwd: str,
    _pid: int,  # a forked child must not share its parent's connections
) -> Workshop:
    return assemble(dict(environ), listener=PrefixedLines(), cwd=Path(cwd))


class PrefixedLines:
    """Prints the output of runs line by line, each behind its run's name: they run side by side."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: dict[str, str] = {}
        self._partial: dict[tuple[str, str], bytes] = {}

    def __call__(self, event: Event) -> None:
        """Takes the news."""
        if isinstance(event, RunStarted):
            self._names[event.run_id] = on_one_line(event.run_name)
        elif isinstance(event, OutputLine):
            self._print(event.run_id, event.stream, event.data)
        elif isinstance(event, RunEnded):
            for stream in ("stdout", "stderr"):
                if self._partial.pop((event.run_id, stream), b""):
                    self._print(event.run_id, stream, b"\n")
            self._names.pop(event.run_id, None)
        elif isinstance(event, Warned):
            with self._lock:
                self._write("stderr", f"runner: warning: {printable(event.message)}\n")

    def _print(self, run_id: str, stream: str, data: bytes) -> None:
        key = (run_id, stream)
        *lines, self._partial[key] = (self._partial.get(key, b"") + data).split(b"\n")
        name = self._names.get(run_id, run_id[:8])
        # Of a line that was drawn over and over (a progress bar) only the last state is worth a line.
        shown = (line.rstrip(b"\r").rpartition(b"\r")[2].decode("utf-8", errors="replace") for line in lines)
        with self._lock:
            self._write(stream, "".join(f"[{name}] {line}\n" for line in shown))

    @staticmethod
    def _write(stream: str, text: str) -> None:
        # A reader that has left, or a stream that is none, ends the copy, not the run.
        out = sys.stdout if stream == "stdout" else sys.stderr
        if out is None or not text:
            return
        try:
            encoding = getattr(out, "encoding", None) or "utf-8"
            out.write(text.encode(encoding, "backslashreplace").decode(encoding))
            out.flush()
        except (OSError, ValueError, LookupError):
            return
