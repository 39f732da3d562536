"""Template, guardian, program and owner may be killed at any moment: nothing goes on unseen, nothing runs twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from runner.stop import Stop
from tests.processes import has_ended
from tests.runner.test_process import wait_until

from .conftest import Project, Ran

WAITING = "import os, time\nprint(os.getpid(), os.getppid(), flush=True)\nwhile True: time.sleep(0.05)\n"
UNTIL = "import os, time\nprint(os.getpid(), os.getppid(), flush=True)\nwhile not os.path.exists('go'): time.sleep(0.02)\nprint('end')\n"


class Running:
    """A warm program in a thread of the test."""

    def __init__(self, project: Project, script: str) -> None:
        project.write("script.py", script)
        self.stop = Stop()
        self.printed = b""
        self.ran: Ran | None = None
        self.thread = threading.Thread(target=self._run, args=(project,))
        self.thread.start()
        wait_until(lambda: b"\n" in self.printed)
        self.pid, self.guardian = map(int, self.printed.split()[:2])
        self.template = psutil.Process(self.guardian).ppid()

    def _run(self, project: Project) -> None:
        run = project.templates.run_program
        self.ran = project.run(run, ("python", "script.py"), stop=self.stop, on_output=self._take)

    def _take(self, _name: str, data: bytes) -> None:
        self.printed += data

    def end(self) -> Ran:
        self.thread.join(30)
        assert self.ran is not None
        return self.ran


def test_a_program_outlives_its_template_and_the_next_gets_another(project: Project) -> None:
    running = Running(project, UNTIL)
    os.kill(running.template, signal.SIGKILL)
    wait_until(lambda: has_ended(running.template))

    project.write("go", "")
    assert running.end().stdout.endswith("end\n")

    assert project.warm("python", "script.py").stdout.endswith("end\n")
    assert project.warm("python", "script.py").stdout.endswith("end\n")
    assert project.templates.warm_count == 2  # the one that noticed was run cold


def test_a_program_whose_guardian_is_killed_does_not_go_on(project: Project) -> None:
    running = Running(project, WAITING)

    os.kill(running.guardian, signal.SIGKILL)

    assert running.end().code == -signal.SIGKILL
    wait_until(lambda: has_ended(running.pid))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_reaches_the_program(project: Project, number: int) -> None:
    running = Running(project, WAITING)

    running.stop.request(number)

    assert running.end().code == -number
    assert project.said == []


def test_a_program_that_ignores_signals_is_killed_after_the_grace_period(project: Project) -> None:
    running = Running(project, "import signal\nsignal.signal(15, signal.SIG_IGN)\n" + WAITING)

    running.stop.request(signal.SIGTERM)

    assert running.end().code == -signal.SIGKILL


def test_a_stop_during_the_imports_is_noticed_at_once(project: Project) -> None:
    project.install("endless", "import time\nwhile True: time.sleep(0.05)\n")
    project.write("script.py", WAITING + "import endless\n")
    stop = Stop()
    threading.Timer(0.5, stop.request, [signal.SIGTERM]).start()

    ran = project.run(project.templates.run_program, ("python", "script.py"), stop=stop)

    assert ran.code == -signal.SIGTERM


OWNER = """
import os, sys
from pathlib import Path
from runner.program import Program
from runner.stop import Stop
from runner.warm.templates import Templates
with Templates() as templates:
    for _ in range(2):
        templates.run_program(Program(argv=["python", "script.py"], run_id="r-lost", cwd=Path.cwd(),
            environ={**os.environ, "RUNNER_RUN_ID": "r-lost"}, on_output=lambda s, d: os.write(1, d), stop=Stop(),
            grace_s=0.5, last_resort=[sys.executable, "-c", "import sys; open(sys.argv[1], 'w').write(sys.argv[2])", str(Path("note").absolute())]))
"""


def test_when_the_owner_is_killed_programs_end_whatever_group_they_are_in(
    project: Project, repository: Path
) -> None:
    project.write(
        "script.py",
        "import os, time\nos.fork() or os.setsid()\nos.write(1, b'%d %d\\n' % (os.getpid(), os.getppid()))\ntime.sleep(600)\n",
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER],
        stdout=subprocess.PIPE,
        cwd=project.directory,
        env={**project.environ, "PYTHONPATH": str(repository)},
    )
    assert owner.stdout is not None
    pids = {int(pid) for _ in range(2) for pid in owner.stdout.readline().split()}

    owner.kill()
    owner.wait()
    owner.stdout.close()

    note = project.directory / "note"
    wait_until(lambda: all(map(has_ended, pids)))
    wait_until(lambda: note.exists() and note.read_text() != "")
    assert int(note.read_text()) == -signal.SIGTERM


def test_programs_beside_one_another_are_apart(project: Project) -> None:
    project.write(
        "script.py",
        "import os, sys, random\nprint(sys.argv[1], os.getpid(), random.random())\nsys.exit(int(sys.argv[1]))\n",
    )
    results: dict[int, Ran] = {}

    def run(number: int) -> None:
        results[number] = project.warm("python", "script.py", str(number))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert {number: (ran.code, ran.stdout.split()[0]) for number, ran in results.items()} == {
        number: (number, str(number)) for number in range(12)
    }
    assert len({ran.stdout.split()[2] for ran in results.values()}) == 12
    assert project.templates.warm_count == 12
