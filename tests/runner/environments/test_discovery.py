"""Interpreters are found where people have them, and those that cannot be used are passed over."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from runner.environments.discovery import all_interpreters, find_interpreter
from runner.errors import InterpreterNotFound
from runner.model.python_version import PythonRequest

OWN = sys.version_info[:3]
BASE = Path(getattr(sys, "_base_executable", sys.executable))


def script(path: Path, answer: str) -> Path:
    """An interpreter of a version that is not on this machine: it answers the question as that one would."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{answer}'\n")
    path.chmod(0o755)
    return path


def answering(path: Path, version: str, *, implementation: str = "CPython", is_base: bool = True) -> Path:
    return script(path, f"{version} {implementation} {is_base} {path}")


def environ(tmp_path: Path, *path: Path) -> dict[str, str]:
    return {"PATH": os.pathsep.join(map(str, path)), "HOME": str(tmp_path / "home")}


def test_the_python_we_run_on_comes_first_and_nothing_is_started(tmp_path: Path) -> None:
    trap = script(tmp_path / "bin" / "python3.11", "")
    trap.write_text("#!/bin/sh\ntouch started\n")
    found = find_interpreter(
        PythonRequest.parse(f"{OWN[0]}.{OWN[1]}"), environ=environ(tmp_path, trap.parent)
    )
    assert (found.executable, found.version) == (BASE, OWN)
    assert not Path("started").exists()


def test_pyenv_is_not_needed_but_its_versions_are_found(tmp_path: Path) -> None:
    python = answering(tmp_path / "home" / ".pyenv" / "versions" / "3.7.16" / "bin" / "python", "3.7.16")
    found = find_interpreter(PythonRequest.parse("3.7"), environ=environ(tmp_path))
    assert (found.executable, found.version_text) == (python, "3.7.16")


def test_what_uv_installed_is_found(tmp_path: Path) -> None:
    name = "cpython-3.7.9-linux-x86_64-gnu"
    python = answering(
        tmp_path / "home" / ".local" / "share" / "uv" / "python" / name / "bin" / "python3", "3.7.9"
    )
    assert find_interpreter(PythonRequest.parse("3.7.9"), environ=environ(tmp_path)).executable == python


def test_the_newest_that_fits_is_taken(tmp_path: Path) -> None:
    for version in ("3.6.9", "3.7.5", "3.7.16", "3.8.1"):
        answering(tmp_path / "home" / ".pyenv" / "versions" / version / "bin" / "python", version)
    assert find_interpreter(PythonRequest.parse("3.7"), environ=environ(tmp_path)).version == (3, 7, 16)
    assert find_interpreter(PythonRequest.parse(">=3.6,<3.7"), environ=environ(tmp_path)).version == (3, 6, 9)


def test_the_nearest_patch_release_is_offered_for_a_pinned_one(tmp_path: Path) -> None:
    for version in ("3.7.5", "3.7.16"):
        answering(tmp_path / "home" / ".pyenv" / "versions" / version / "bin" / "python", version)
    assert find_interpreter(PythonRequest.parse("3.7.14"), environ=environ(tmp_path)).version == (3, 7, 16)
    assert find_interpreter(PythonRequest.parse("3.7.4"), environ=environ(tmp_path)).version == (3, 7, 5)


def test_what_does_not_start_is_no_cpython_or_a_virtual_environment_is_passed_over(tmp_path: Path) -> None:
    bins = [tmp_path / name for name in ("broken", "pypy", "venv", "shims", "good")]
    script(bins[0] / "python3.7", "").write_text("#!/bin/sh\nexit 127\n")
    answering(bins[1] / "python3.7", "3.7.1", implementation="PyPy")
    answering(bins[2] / "python3.7", "3.7.2", is_base=False)
    answering(bins[3] / "python3.7", "3.7.3")
    good = answering(bins[4] / "python3.7", "3.7.4")
    (tmp_path / "home").mkdir()
    found = find_interpreter(PythonRequest.parse("3.7"), environ=environ(tmp_path, *bins))
    assert found.executable == good


def test_only_names_that_may_fit_are_started(tmp_path: Path) -> None:
    good = answering(tmp_path / "bin" / "python3.7", "3.7.4")
    other = script(tmp_path / "bin" / "python3.6", "")
    other.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    assert (
        find_interpreter(PythonRequest.parse("3.7"), environ=environ(tmp_path, good.parent)).executable
        == good
    )
    assert not (tmp_path / "started").exists()


def test_a_missing_one_names_those_found(tmp_path: Path) -> None:
    answering(tmp_path / "bin" / "python3.7", "3.7.4")
    with pytest.raises(InterpreterNotFound) as caught:
        find_interpreter(PythonRequest.parse("3.99"), environ=environ(tmp_path, tmp_path / "bin"))
    assert caught.value.found == ("3.7.4", ".".join(map(str, OWN)))


def test_real_interpreters_of_this_machine_start_as_what_they_say(tmp_path: Path) -> None:
    found = all_interpreters({**os.environ, "HOME": str(tmp_path)})
    assert OWN in [interpreter.version for interpreter in found]
