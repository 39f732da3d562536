from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from runner.process import run_program
from runner.program import Program, RunProgram
from runner.stop import Stop
from runner.warm.templates import Templates


@dataclass(frozen=True)
class Ran:
    """What can be seen of a program from outside."""

    code: int
    stdout: str
    stderr: str


class Project:
    """A directory with scripts, which are run warm (`templates`) or cold."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.said: list[str] = []
        self.templates = Templates(say=self.said.append)
        # The python of these tests, under the name that a command gives it.
        self.environ = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }

    def write(self, name: str, text: str) -> None:
        file = self.directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def install(self, name: str, text: str) -> None:
        """Puts a package where the environment's packages are."""
        folder = self.directory.parent / "site-packages"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.py").write_text(text)
        self.environ["PYTHONPATH"] = str(folder)

    def warm(self, *argv: str, **more: str) -> Ran:
        return self.run(self.templates.run_program, argv, more)

    def cold(self, *argv: str, **more: str) -> Ran:
        return self.run(run_program, argv, more)

    def run(
        self,
        runs: RunProgram,
        argv: tuple[str, ...],
        variables: Mapping[str, str] | None = None,
        *,
        stop: Stop | None = None,
        cwd: Path | None = None,
        on_output: Callable[[str, bytes], None] = lambda _name, _data: None,
    ) -> Ran:
        output = {"stdout": b"", "stderr": b""}

        def take(name: str, data: bytes) -> None:
            output[name] += data
            on_output(name, data)

        program = Program(
            argv=list(argv),
            run_id="a-run",
            cwd=cwd or self.directory,
            environ={**self.environ, "RUNNER_RUN_ID": "a-run", **(variables or {})},
            on_output=take,
            stop=stop or Stop(),
            grace_s=2.0,
        )
        code = runs(program)
        return Ran(code, output["stdout"].decode(), output["stderr"].decode())


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    directory = tmp_path / "project"
    directory.mkdir()
    project = Project(directory)
    with project.templates:
        yield project
