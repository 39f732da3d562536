"""Which Pythons this machine has, found when one is needed and not before.

Looked at, in this order: the Python we run on, `python*` on PATH, pyenv's versions, those that uv installed.
Interpreters of virtual environments are passed over: what they stand on is found by itself.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from runner.errors import InterpreterNotFound
from runner.model.python_version import PythonRequest, PythonVersion
from runner.process import ToolTimeout, capture

_NAME_ON_PATH = re.compile(r"^python(3(?:\.(\d+))?)?$")
_PYENV_VERSION = re.compile(r"^\d+\.\d+\.\d+$")
_UV_VERSION = re.compile(r"^cpython-(\d+\.\d+\.\d+)-")
_QUESTION = (
    "import sys, platform; print('.'.join(map(str, sys.version_info[:3])), "
    "platform.python_implementation(), sys.prefix == getattr(sys, 'base_prefix', sys.prefix), sys.executable)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A CPython on this machine that is no virtual environment."""

    executable: Path
    version: PythonVersion

    @property
    def version_text(self) -> str:
        """The version as people write it."""
        return ".".join(map(str, self.version))


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A place where an interpreter may be; what its name says of the version, without starting it."""

    executable: Path
    hint: tuple[int, ...]


def find_interpreter(request: PythonRequest, *, environ: Mapping[str, str]) -> Interpreter:
    """The Python for `request`: the one we run on if it fits, else the newest that fits.

    Where one patch release is asked for and only others of its minor version are there, the nearest of
    those is returned: the caller compares the version and says so. Raises InterpreterNotFound.
    """
    own = _own()
    if request.admits(own.version):
        return own
    candidates = list(_candidates(environ))
    possible = [candidate for candidate in candidates if _may_fit(candidate, request)]
    fitting = [found for found in _known(possible) if request.admits(found.version)]
    if fitting:
        return max(fitting, key=lambda found: found.version)
    nearest = _nearest(request, [own, *_known(candidates)])
    if nearest is not None:
        return nearest
    raise InterpreterNotFound(request.text, [found.version_text for found in all_interpreters(environ)])


def all_interpreters(environ: Mapping[str, str]) -> list[Interpreter]:
    """Every Python there is, by version; of several equal versions the one that is found first."""
    by_version: dict[PythonVersion, Interpreter] = {}
    for found in [_own(), *_known(list(_candidates(environ)))]:
        by_version.setdefault(found.version, found)
    return [by_version[version] for version in sorted(by_version)]


def _own() -> Interpreter:
    base: str = getattr(sys, "_base_executable", None) or sys.executable
    return Interpreter(executable=Path(base), version=sys.version_info[:3])


def _nearest(request: PythonRequest, found: list[Interpreter]) -> Interpreter | None:
    if request.exact is None:
        return None
    wanted = request.exact
    same_minor = [candidate for candidate in found if candidate.version[:2] == wanted[:2]]
    return min(
        same_minor,
        key=lambda candidate: (abs(candidate.version[2] - wanted[2]), -candidate.version[2]),
        default=None,
    )


def _may_fit(candidate: _Candidate, request: PythonRequest) -> bool:
    """Whether the name leaves room for the wish: `python3.11` is not started for a 3.9."""
    hint = candidate.hint
    if len(hint) == 3:
        return request.admits((hint[0], hint[1], hint[2]))
    if len(hint) == 2:
        return any(request.admits((hint[0], hint[1], patch)) for patch in range(60))
    return True


def _candidates(environ: Mapping[str, str]) -> Iterator[_Candidate]:
    yield from _on_path(environ)
    home = Path(environ.get("HOME") or os.path.expanduser("~"))
    yield from _in_pyenv(Path(environ.get("PYENV_ROOT") or home / ".pyenv"))
    data = Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    yield from _from_uv(Path(environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python"))


def _on_path(environ: Mapping[str, str]) -> Iterator[_Candidate]:
    for text in environ.get("PATH", "").split(os.pathsep):
        directory = Path(text)
        # pyenv's shims only pass on to what is found under its versions, and complain at length.
        if not text or directory.name == "shims" or (directory.parent / "pyvenv.cfg").exists():
            continue
        for name in _listed(directory):
            match = _NAME_ON_PATH.match(name)
            if match:
                yield _Candidate(directory / name, (3, int(match[2])) if match[2] else ())


def _in_pyenv(root: Path) -> Iterator[_Candidate]:
    for name in _listed(root / "versions"):
        if _PYENV_VERSION.match(name):
            yield _Candidate(root / "versions" / name / "bin" / "python", _numbers(name))


def _from_uv(root: Path) -> Iterator[_Candidate]:
    for name in _listed(root):
        match = _UV_VERSION.match(name)
        if match:
            yield _Candidate(root / name / "bin" / "python3", _numbers(match[1]))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split("."))


def _listed(directory: Path) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []


def _known(candidates: list[_Candidate]) -> list[Interpreter]:
    """Those that start and are CPython; each file is started once."""
    answers: dict[Path, Interpreter | None] = {}
    for candidate in candidates:
        try:
            real = candidate.executable.resolve(strict=True)
        except OSError:
            continue
        if real not in answers:
            answers[real] = _ask(candidate.executable)
    return [answer for answer in answers.values() if answer is not None]


def _ask(executable: Path) -> Interpreter | None:
    try:
        answer = capture([str(executable), "-I", "-S", "-c", _QUESTION], timeout_s=20.0)
    except (OSError, ToolTimeout):
        return None
    parts = answer.text.split(" ", 3)
    if answer.returncode != 0 or len(parts) != 4 or parts[1:3] != ["CPython", "True"]:
        return None
    numbers = _numbers(parts[0])
    return Interpreter(executable=Path(parts[3]), version=(numbers[0], numbers[1], numbers[2]))
