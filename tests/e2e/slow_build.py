"""A project whose environment takes as long to build as a test likes, without a network."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.e2e.terminal import User
from tests.runner.environments.wheels import BACKEND, make_local_package

_WAIT = """
import os, pathlib, time
pathlib.Path(os.environ["BUILD_STARTED"]).write_text(str(os.getpid()))
while not pathlib.Path(os.environ["BUILD_MAY_END"]).exists():
    time.sleep(0.01)
"""


@dataclass(frozen=True)
class SlowBuild:
    """`folder` is the project; its build says that it `started` and ends when `may_end` exists."""

    folder: Path
    started: Path
    may_end: Path

    @classmethod
    def of(cls, user: User) -> SlowBuild:
        folder = user.project(
            {
                "MLproject": "python_env: env.yaml\nentry_points: {main: {command: python show.py}}",
                "env.yaml": "dependencies: [./slow]\n",
                "show.py": "import localpkg; print(localpkg.value)",
            }
        )
        make_local_package(folder / "slow", "built")
        (folder / "slow" / "backend.py").write_text(_WAIT + BACKEND)
        build = cls(
            folder=folder, started=user.directory / "build-started", may_end=user.directory / "build-may-end"
        )
        user.environ |= {"BUILD_STARTED": str(build.started), "BUILD_MAY_END": str(build.may_end)}
        return build

    def is_under_way(self) -> bool:
        """Whether the package's own build has begun."""
        return self.started.exists() and self.started.read_text() != ""

    def let_go(self) -> None:
        """From now on a build does not wait."""
        self.may_end.touch()


def ready_environments() -> list[Path]:
    """What a later run would take for ready."""
    return list((Path(os.environ["HOME"]) / ".cache/runner/environments").glob("*/*/ready.json"))


def left_running(user: User, *servers: int) -> list[str]:
    """The commands of this test that still run, but for the local server and further `servers` (pids)."""
    left = []
    for process in psutil.process_iter():
        try:
            if process.pid in (os.getpid(), user.server_pid(), *servers):
                continue
            if process.environ().get("HOME") == os.environ["HOME"] and process.status() != "zombie":
                left.append(" ".join(process.cmdline()))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return left
