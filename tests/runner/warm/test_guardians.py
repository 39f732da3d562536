"""Programs with forked guardians: nothing differs for the program, and nothing goes on unseen."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from runner.conversation import ProgramNotStarted
from runner.process import run_program
from runner.stop import Stop
from runner.warm.guardians import Guardians
from tests.processes import has_ended
from tests.runner.test_process import wait_until

from .conftest import Project, Ran

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere each has its own interpreter")

SEEN = """
import json, os, resource, signal, sys
def of(path):
    return open(path).read()
fields = dict(line.split(":", 1) for line in of("/proc/self/status").splitlines())
print(json.dumps({
    "argv": sys.orig_argv, "environ": dict(os.environ), "cwd": os.getcwd(),
    "fds": sorted(os.listdir("/proc/self/fd"))[:-1], "stdin": os.readlink("/proc/self/fd/0"),
    "signals": [fields[name] for name in ("SigBlk", "SigIgn", "SigCgt")], "umask": fields["Umask"],
    "limits": [resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")],
    "nice": os.nice(0), "processors": sorted(os.sched_getaffinity(0)),
    "leads its group": os.getpgid(0) == os.getpid(), "session is its guardian's": os.getsid(0) == os.getppid(),
}))
print("to stderr", file=sys.stderr)
sys.exit(7)
"""
WAITING = "import os, time\nprint(os.getpid(), os.getppid(), flush=True)\nwhile True: time.sleep(0.05)\n"
UNTIL = (
    "import os, time\nprint(os.getpid(), os.getppid(), flush=True)\n"
    "while not os.path.exists('go'): time.sleep(0.02)\nprint('end')\n"
)


@pytest.fixture
def guardians() -> Iterator[Guardians]:
    with Guardians() as guardians:
        yield guardians


class Running:
    """A program in a thread of the test."""

    def __init__(self, project: Project, guardians: Guardians, script: str) -> None:
        project.write("script.py", script)
        self.stop = Stop()
        self.printed = b""
        self.ran: Ran | None = None
        self.thread = threading.Thread(target=self._run, args=(project, guardians))
        self.thread.start()
        wait_until(lambda: b"\n" in self.printed)
        self.pid, self.guardian = map(int, self.printed.split()[:2])

    def _run(self, project: Project, guardians: Guardians) -> None:
        argv = ("python", "script.py")
        self.ran = project.run(guardians.run_program, argv, stop=self.stop, on_output=self._take)

    def _take(self, _name: str, data: bytes) -> None:
        self.printed += data

    def end(self) -> Ran:
        self.thread.join(30)
        assert self.ran is not None
        return self.ran


def test_a_program_cannot_tell_what_its_guardian_came_from(project: Project, guardians: Guardians) -> None:
    project.write("script.py", SEEN)
    argv = ("python", "script.py", "a b", "'\"$x", "é")
    more = {"EMPTY": "", "LONG": "x" * 100_000, "LC_ALL": "C"}

    forked = project.run(guardians.run_program, argv, more)
    started = project.run(run_program, argv, more)

    assert (forked.code, forked.stderr) == (started.code, started.stderr) == (7, "to stderr\n")
    assert json.loads(forked.stdout) == json.loads(started.stdout)


def test_programs_of_one_process_are_apart(project: Project, guardians: Guardians) -> None:
    project.write("script.py", "import os, sys\nprint(os.getppid())\nsys.exit(int(sys.argv[1]))\n")

    ran = [project.run(guardians.run_program, ("python", "script.py", str(n))) for n in range(3)]

    assert [one.code for one in ran] == [0, 1, 2]
    assert len({one.stdout for one in ran}) == 3


def test_a_program_that_cannot_be_executed_says_why(project: Project, guardians: Guardians) -> None:
    with pytest.raises(ProgramNotStarted, match="No such file"):
        project.run(guardians.run_program, ("no-such-program",))

    assert project.run(guardians.run_program, ("sh", "-c", "exit 3")).code == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_reaches_the_program(project: Project, guardians: Guardians, number: int) -> None:
    running = Running(project, guardians, "import signal\nsignal.signal(2, signal.SIG_DFL)\n" + WAITING)

    running.stop.request(number)

    assert running.end().code == -number


def test_a_program_whose_guardian_is_killed_does_not_go_on(project: Project, guardians: Guardians) -> None:
    running = Running(project, guardians, WAITING)

    os.kill(running.guardian, signal.SIGKILL)

    assert running.end().code == -signal.SIGKILL
    wait_until(lambda: has_ended(running.pid))


def test_a_program_outlives_the_process_that_its_guardian_came_from(
    project: Project, guardians: Guardians
) -> None:
    running = Running(project, guardians, UNTIL)
    origin = psutil.Process(running.guardian).ppid()
    os.kill(origin, signal.SIGKILL)
    wait_until(lambda: has_ended(origin))

    project.write("go", "")
    assert running.end().stdout.endswith("end\n")

    assert project.run(guardians.run_program, ("python", "script.py")).stdout.endswith("end\n")
    assert project.run(guardians.run_program, ("python", "script.py")).stdout.endswith("end\n")


def test_after_closing_programs_go_on_and_new_ones_run_all_the_same(
    project: Project, guardians: Guardians
) -> None:
    running = Running(project, guardians, UNTIL)

    guardians.close()
    project.write("go", "")

    assert running.end().stdout.endswith("end\n")
    assert project.run(guardians.run_program, ("sh", "-c", "exit 4")).code == 4


OWNER = """
import os, sys
from pathlib import Path
from runner.program import Program
from runner.stop import Stop
from runner.warm.guardians import Guardians
with Guardians() as guardians:
    guardians.run_program(Program(argv=["python", "script.py"], run_id="r-lost", cwd=Path.cwd(),
        environ={**os.environ, "RUNNER_RUN_ID": "r-lost"}, on_output=lambda s, d: os.write(1, d), stop=Stop(),
        grace_s=0.5, last_resort=[sys.executable, "-c",
            "import sys; open(sys.argv[1], 'w').write(sys.argv[2])", str(Path("note").absolute())]))
"""


def test_when_the_owner_is_killed_the_program_ends_and_the_last_resort_is_executed(
    project: Project, repository: Path
) -> None:
    script = (
        "import os, time\nos.fork() or os.setsid()\nos.write(1, b'%d\\n' % os.getpid())\ntime.sleep(600)\n"
    )
    project.write("script.py", script)
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER],
        stdout=subprocess.PIPE,
        cwd=project.directory,
        env={**project.environ, "PYTHONPATH": str(repository)},
    )
    assert owner.stdout is not None
    pids = {int(owner.stdout.readline()) for _ in range(2)}

    owner.kill()
    owner.wait()
    owner.stdout.close()

    note = project.directory / "note"
    wait_until(lambda: all(map(has_ended, pids)))
    wait_until(lambda: note.exists() and note.read_text() != "")
    assert int(note.read_text()) == -signal.SIGTERM
