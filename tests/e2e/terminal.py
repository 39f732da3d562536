"""A user's machine: a directory of their own, the real command, the real server that starts by itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.processes import wait_for_end
from tracking_client import TrackingClient
from tracking_client.wire.entities import Run

ROOT = Path(__file__).resolve().parents[2]


def wait_until(condition: Callable[[], object], timeout_s: float = 30.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


@dataclass
class Done:
    """A finished command."""

    code: int
    out: str
    err: str


@dataclass
class User:
    """Somebody at a terminal in `directory`."""

    directory: Path
    environ: dict[str, str] = field(default_factory=dict)

    def variables(self, **more: str) -> dict[str, str]:
        paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        # `python` in a project's command is the interpreter that runs the tests, with what is installed there.
        executables = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return {**os.environ, "PATH": executables, "PYTHONPATH": paths, **self.environ, **more}

    def start(self, *arguments: str, cwd: Path | None = None, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "runner", *arguments],
            cwd=cwd or self.directory,
            env=self.variables(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def types(
        self, *arguments: str, cwd: Path | None = None, timeout_s: float = 120.0, **variables: str
    ) -> Done:
        process = self.start(*arguments, cwd=cwd, **variables)
        try:
            out, err = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"did not end: {arguments}\n{out}\n{err}") from None
        return Done(process.returncode, out, err)

    def python(self, script: str, *arguments: str, **variables: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments],
            cwd=self.directory,
            env=self.variables(**variables),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def project(self, files: dict[str, str], name: str = "project") -> Path:
        folder = self.directory / name
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        return folder

    @property
    def tracking_uri(self) -> str:
        return self.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{self.directory}/mlruns.db"

    @property
    def client(self) -> TrackingClient:
        return TrackingClient(self.tracking_uri)

    def runs(self, filter_string: str = "") -> list[Run]:
        experiments = [experiment.experiment_id for experiment in self.client.search_experiments()]
        return list(self.client.find_runs(experiments, filter_string))

    def run(self) -> Run:
        (run,) = self.runs()
        return run

    def artifact(self, run: Run, path: str, into: Path) -> str:
        return Path(self.client.download_artifacts(run.info.run_id, path, into)).read_text(encoding="utf-8")

    def server_pid(self) -> int | None:
        try:
            return int(json.loads((self.directory / "mlruns.db.server").read_text())["pid"])
        except (OSError, ValueError, KeyError):
            return None

    def stop_server(self) -> None:
        pid = self.server_pid()
        if pid is None:
            return
        try:
            server = psutil.Process(pid)
            server.send_signal(signal.SIGTERM)
            wait_for_end(server, 15)
        except psutil.NoSuchProcess:
            return


def git(cwd: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=cwd, capture_output=True, text=True, check=True)
    return done.stdout.strip()
