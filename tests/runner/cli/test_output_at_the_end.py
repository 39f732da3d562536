"""The exit code says what happened, whatever becomes of the last words."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from runner.cli.boundary import let_go_of_output
sys.stdout.write("the last words")
{let_go}
sys.exit(129)
"""


def test_a_command_without_an_output_at_all_ends_as_any_other() -> None:
    done = subprocess.run(
        ["sh", "-c", '"$0" -m runner check /nowhere >&-', sys.executable],
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )

    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
@pytest.mark.parametrize(("let_go", "code"), [("", 120), ("let_go_of_output()", 129)])
def test_output_that_nobody_takes_any_more_is_not_the_exit_code(let_go: str, code: int) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM.format(let_go=let_go)],
            stdout=full,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONUNBUFFERED": ""},
            timeout=60,
            check=False,
        )

    assert done.returncode == code
