"""Where a warm start could be told from a cold one, the program is started cold, and the reason is said once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from runner.conversation import ProgramNotStarted
from runner.process import run_program
from runner.warm.templates import Templates

from .conftest import Project


@pytest.mark.parametrize(
    "argv",
    [
        ("python", "-c", "print('hello')"),
        ("python", "-m", "script"),
        ("python", "-um", "script"),
        ("bash", "-c", "python script.py"),
        ("env", "python", "script.py"),
    ],
)
def test_other_commands_are_run_as_ever_and_nothing_is_said(project: Project, argv: tuple[str, ...]) -> None:
    project.write("script.py", "print('hello')\n")

    assert project.warm(*argv).stdout == "hello\n"
    assert (project.said, project.templates.warm_count) == ([], 0)


@pytest.mark.parametrize(
    ("argv", "variables", "reason"),
    [
        (("python", "-v", "script.py"), {}, "the option -v concerns the interpreter's start"),
        (
            ("python", "-X", "importtime", "script.py"),
            {},
            "the option -X importtime concerns the interpreter's start",
        ),
        (
            ("python", "script.py"),
            {"PYTHONTRACEMALLOC": "1"},
            "PYTHONTRACEMALLOC concerns the interpreter's start",
        ),
        (
            ("python", "script.py"),
            {"PYTHONPATH": "src"},
            "PYTHONPATH has an entry, 'src', that depends on the directory",
        ),
    ],
)
def test_what_concerns_the_start_itself_is_cold_and_said_once(
    project: Project, argv: tuple[str, ...], variables: dict[str, str], reason: str
) -> None:
    project.write("script.py", "print('hello')\n")

    assert {project.warm(*argv, **variables).stdout for _ in range(2)} == {"hello\n"}
    assert project.said == [f"script.py is started cold: {reason}"]


def test_a_module_beside_the_script_that_hides_another_is_the_one_it_gets(project: Project) -> None:
    project.write("json.py", "dumps = len\n")
    project.write("script.py", "import json\nprint(json.dumps('abc'))\n")

    assert project.warm("python", "script.py").stdout == "3\n"
    assert project.said == [
        "script.py is started cold: its directory has a module json of its own, which hides Python's or a package's"
    ]


def test_a_script_that_is_missing_or_broken_says_so_itself(project: Project) -> None:
    project.write("script.py", "def f(:\n")

    for name in ("script.py", "missing.py"):
        assert project.warm("python", name) == project.cold("python", name)
    assert project.said == []
    with pytest.raises(ProgramNotStarted):
        project.warm(str(project.directory / "python"), "script.py")


def test_a_directory_that_is_gone_is_an_error_as_ever(project: Project) -> None:
    project.write("script.py", "print('hello')\n")
    script = str(project.directory / "script.py")
    assert project.warm("python", script).stdout == "hello\n"

    for run in (project.templates.run_program, run_program):
        with pytest.raises(FileNotFoundError):
            project.run(run, ("python", script), cwd=project.directory / "gone")


def test_a_package_with_threads_is_left_to_the_program(project: Project) -> None:
    project.install(
        "threaded", "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"
    )
    project.install("quiet", "import os\nPID = os.getpid()\n")
    project.write(
        "script.py",
        "import quiet, threaded, threading, os\nprint(threading.active_count(), quiet.PID == os.getpid())\n",
    )

    assert project.warm("python", "script.py").stdout == "2 False\n"
    assert project.warm("python", "script.py").stdout == "2 False\n"
    assert project.templates.warm_count == 2
    assert project.said == [
        "script.py is started warm, but: `import threaded` starts threads, which a fork would lose; "
        "each run imports it itself"
    ]


def test_a_crash_in_a_fork_is_run_again_cold_and_so_are_later_runs(project: Project) -> None:
    project.write(
        "script.py",
        "import os\nif 'template.py' in open(f'/proc/{os.getppid()}/cmdline').read():\n    os.abort()\nprint('done')\n",
    )

    runs = [project.warm("python", "script.py") for _ in range(2)]

    assert [(run.code, run.stdout) for run in runs] == [(0, "done\n")] * 2
    assert project.said == ["script.py is started cold: ended by SIGABRT in a warm start"]


def test_an_end_by_another_signal_is_an_end(project: Project) -> None:
    project.write("script.py", "import os\nos.kill(os.getpid(), 9)\n")

    assert project.warm("python", "script.py").code == -signal.SIGKILL
    assert (project.said, project.templates.warm_count) == ([], 1)


def test_imports_that_take_too_long_are_left_to_the_program(project: Project) -> None:
    project.install(
        "endless", "import os, time\nwhile 'A_TEMPLATE_WAITS' not in os.environ: time.sleep(0.05)\n"
    )
    project.write(
        "script.py",
        "import os\nos.environ[''.join(['A_TEMPLATE', '_WAITS'])] = '1'\nprint('hello')\ndef f():\n    import endless\n",
    )
    project.write("script.py", "print('hello')\ndef f():\n    import endless\n")
    with Templates(say=project.said.append, start_limit_s=0.5) as templates:
        assert project.run(templates.run_program, ("python", "script.py")).stdout == "hello\n"

    assert project.said == ["script.py is started cold: importing its modules took longer than 0.5 s"]


def test_closed_templates_run_programs_cold(project: Project) -> None:
    project.write("script.py", "print('hello')\n")
    project.templates.close()

    assert project.warm("python", "script.py").stdout == "hello\n"
    assert project.templates.warm_count == 0


def test_a_python_that_is_not_the_runners_own_is_the_commands(project: Project) -> None:
    environment = project.directory.parent / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True, timeout=60)
    project.environ["PATH"] = f"{environment / 'bin'}{os.pathsep}{project.environ['PATH']}"
    project.write("script.py", "import sys\nprint(sys.prefix, sys.executable)\n")

    assert project.warm("python", "script.py").stdout == f"{environment} {environment / 'bin' / 'python'}\n"
    assert (project.said, project.templates.warm_count) == ([], 1)
