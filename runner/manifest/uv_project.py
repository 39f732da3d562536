"""A project that is described by pyproject.toml and uv.lock."""

from __future__ import annotations

import platform
import re
from contextlib import suppress
from pathlib import Path

from runner.errors import ManifestError
from runner.manifest.local_requirements import local_sources
from runner.manifest.requirement_lines import LocalPath, Place
from runner.model.environment import EnvironmentSpec
from runner.model.python_version import PythonRequest

_LOCK_PATH = re.compile(r'source = \{ (?P<how>editable|directory|path) = "(?P<path>[^"]+)"')
_SOURCES_PATH = re.compile(r'\bpath\s*=\s*"(?P<path>[^"]+)"(?P<rest>[^}\n]*)')


def is_python_project(directory: Path) -> bool:
    """Whether a pyproject.toml there describes a project, and not only settings of tools."""
    path = directory / "pyproject.toml"
    return path.is_file() and re.search(r"(?m)^\s*\[project\]", _text(path)) is not None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ManifestError(f"cannot be read: {error}", path=path) from error


def locked_project(directory: Path) -> EnvironmentSpec:
    """The environment that uv.lock names. Raises ManifestError."""
    lock, project = _text(directory / "uv.lock"), _text(directory / "pyproject.toml")
    found = [
        (match["path"], match["how"] == "editable")
        for match in _LOCK_PATH.finditer(lock)
        if match["path"] != "."
    ]
    return _project_spec(directory, (("pyproject.toml", project), ("uv.lock", lock)), found)


def unlocked_project(directory: Path) -> EnvironmentSpec:
    """The environment that pyproject.toml asks for, still to be resolved. Raises ManifestError."""
    project = _text(directory / "pyproject.toml")
    found = [(match["path"], "true" in match["rest"]) for match in _SOURCES_PATH.finditer(project)]
    return _project_spec(directory, (("pyproject.toml", project),), found)


def _project_spec(
    directory: Path, files: tuple[tuple[str, str], ...], paths: list[tuple[str, bool]]
) -> EnvironmentSpec:
    place = Place(path=directory / files[-1][0], line=1)
    local_paths = [
        LocalPath(requirement=name, path=(directory / name).resolve(), editable=editable, place=place)
        for name, editable in paths
    ]
    for local in local_paths:
        if not local.path.exists():
            raise ManifestError(
                f"the local source {local.requirement!r} does not exist ({local.path})", path=place.path
            )
    return EnvironmentSpec(
        kind="uv",
        python=_project_python(directory, files[0][1]),
        files=files,
        local_sources=local_sources(directory, local_paths),
        directory=str(directory),
    )


def _project_python(directory: Path, project: str) -> str:
    """`.python-version`, else `requires-python`, else the Python we run on."""
    pinned = directory / ".python-version"
    candidates = _text(pinned).strip().splitlines()[:1] if pinned.is_file() else []
    candidates += re.findall(r"(?m)^\s*requires-python\s*=\s*[\"']([^\"']+)[\"']", project)[:1]
    for text in candidates:
        with suppress(ValueError):
            return PythonRequest.parse(text).text
    return current_python()


def current_python() -> str:
    """The version of the Python we run on: what a project gets that names none."""
    return platform.python_version().rstrip("+")
