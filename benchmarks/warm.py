"""Measures what starting a program costs, warm and cold, beside the bare interpreter, and prints one table.

What is compared, and how, is written in README.md beside this file.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from stopwatch import median
from table import Row, print_table

from runner.process import run_program
from runner.program import Program, RunProgram
from runner.stop import Stop
from runner.warm.templates import Templates

NOTHING = ""
IMPORTS = "import {module}\n"
HOLDS = """import os, time, {module}
print("ready", os.getpid(), flush=True)
while not os.path.exists("go"):
    time.sleep(0.05)
"""


def main() -> None:
    """Measures and prints."""
    options = _read_options()
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TF_"))}
    environ.update(PATH=f"{options.python.parent}{os.pathsep}{os.environ['PATH']}", TF_CPP_MIN_LOG_LEVEL="3")
    with (
        tempfile.TemporaryDirectory(prefix="runner-benchmark-") as folder,
        Templates(say=lambda line: print(line, file=sys.stderr)) as templates,
    ):
        project = Project(Path(folder), environ)
        ways = {
            "bare": project.bare,
            "cold": lambda: project.run(run_program),
            "warm": lambda: project.run(templates.run_program),
        }
        rows = _starts(project, ways, options.repeats)
        if options.module:
            rows += _imports(project, ways, options.module, options.repeats)
            rows += _memory(project, templates, options.module)
    print_table(rows)


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures warm and cold starts.")
    parser.add_argument("--repeats", type=int, default=30, help="of each start, after one warm-up [30]")
    parser.add_argument(
        "--python", type=Path, default=Path(sys.executable), help="the programs' Python [this]"
    )
    parser.add_argument("--module", default="", help="measure programs that import it, too")
    return parser.parse_args()


class Project:
    """A directory with one script, and the ways to run it."""

    def __init__(self, directory: Path, environ: Mapping[str, str]) -> None:
        self.directory = directory
        self.environ = environ

    def write(self, text: str) -> None:
        """Makes this the script."""
        (self.directory / "script.py").write_text(text, encoding="utf-8")

    def bare(self) -> None:
        """Runs the script by its interpreter alone."""
        argv = ["python", "script.py"]
        subprocess.run(argv, cwd=self.directory, env=dict(self.environ), check=True, stdin=subprocess.DEVNULL)

    def run(self, start: RunProgram, on_output: Callable[[str, bytes], None] = lambda *_: None) -> None:
        """Runs the script under a guardian."""
        code = start(
            Program(
                argv=["python", "script.py"],
                run_id="benchmark",
                cwd=self.directory,
                environ=self.environ,
                on_output=on_output,
                stop=Stop(),
            )
        )
        if code:
            sys.exit(f"the script ended with exit code {code}")


def _in_turns(ways: Mapping[str, Callable[[], None]], repeats: int) -> dict[str, float]:
    """The median seconds of each way."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(repeats + 1):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            if turn:
                taken[name].append(time.perf_counter() - started)
    return {name: median(values) for name, values in taken.items()}


def _starts(project: Project, ways: Mapping[str, Callable[[], None]], repeats: int) -> list[Row]:
    project.write(NOTHING)
    seconds = {name: value * 1000 for name, value in _in_turns(ways, repeats).items()}
    return [
        Row(what="python of a script that does nothing", unit="ms", runner=seconds["bare"]),
        Row(what="cold start, beyond that", unit="ms", runner=seconds["cold"] - seconds["bare"], most=60),
        Row(what="warm start, beyond that", unit="ms", runner=seconds["warm"] - seconds["bare"], most=30),
    ]


def _imports(
    project: Project, ways: Mapping[str, Callable[[], None]], module: str, repeats: int
) -> list[Row]:
    project.write(IMPORTS.format(module=module))
    seconds = _in_turns(ways, max(1, repeats // 10))
    names = {
        "bare": f"python of a script that imports {module}",
        "cold": "the same, cold",
        "warm": "the same, warm",
    }
    return [Row(what=names[name], unit="s", runner=value) for name, value in seconds.items()]


def _memory(project: Project, templates: Templates, module: str) -> list[Row]:
    """What four programs hold at once: their shares of memory (PSS) together, with the template."""
    project.write(HOLDS.format(module=module))
    starts = {"cold": run_program, "warm": templates.run_program}
    return [
        Row(what=f"memory of 4 programs with {module}, {name}", unit="MB", runner=_held_by(4, project, start))
        for name, start in starts.items()
    ]


def _held_by(count: int, project: Project, start: Callable[..., int]) -> float:
    pids: list[int] = []
    ready = threading.Semaphore(0)

    def hear(_name: str, output: bytes) -> None:
        if output.startswith(b"ready"):
            pids.append(int(output.split()[1]))
            ready.release()

    threads = [threading.Thread(target=project.run, args=(start, hear)) for _ in range(count)]
    for thread in threads:
        thread.start()
    for _ in threads:
        ready.acquire()
    held = sum(_share_bytes(pid) for pid in _with_templates(pids)) / 1e6
    (project.directory / "go").touch()
    for thread in threads:
        thread.join()
    (project.directory / "go").unlink()
    return held


def _with_templates(pids: list[int]) -> set[int]:
    """The programs, their guardians, and the templates that these come from."""
    found = set(pids)
    for pid in pids:
        guardian = _parent(pid)
        found.add(guardian)
        if (template := _parent(guardian)) != os.getpid():
            found.add(template)
    return found


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])


def _share_bytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


if __name__ == "__main__":
    main()
