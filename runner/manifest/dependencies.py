"""From what a project declares to the complete description of its environment."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runner.errors import ManifestError, suggestion
from runner.manifest.conda_packages import pip_requirement, split_spec
from runner.manifest.environment_file import Lines, read_conda_file, read_python_env
from runner.manifest.local_requirements import local_sources
from runner.manifest.requirement_lines import Place, RequirementLines, read_requirement_lines
from runner.manifest.uv_project import current_python, is_python_project, locked_project, unlocked_project
from runner.model.environment import (
    ENVIRONMENT_KINDS,
    DeclaredEnvironment,
    EnvironmentKind,
    EnvironmentSpec,
)
from runner.model.python_version import PythonRequest

CONDA_TOOLS = ("mamba", "micromamba", "conda")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Declared:
    """The one file (or none) that describes the environment. `named` is the key that named it."""

    kind: str
    path: Path | None
    named: str | None


def resolve_environment(
    directory: Path,
    declared: DeclaredEnvironment,
    manager: str | None,
    *,
    environ: Mapping[str, str] | None = None,
) -> EnvironmentSpec:
    """What the project in `directory` wants to run in, complete.

    By order: `docker_env`, `python_env`, `conda_env`, a python_env.yaml, a conda.yaml, plain Python.
    `manager` is the user's choice; None chooses by project: docker for `docker_env`, conda for a conda
    file, else virtualenv. `environ` (default: the process's) is where conda is looked for.

    Raises ManifestError (path, line, key) for any fault in the project's files, or where the manager
    cannot serve the project. Reads local sources to know their content; starts nothing but git.
    """
    directory = directory.resolve()
    if manager is not None and manager not in ENVIRONMENT_KINDS:
        meant = suggestion(manager, ENVIRONMENT_KINDS)
        raise ManifestError(
            f"no environment manager is called {manager!r} (known: {', '.join(ENVIRONMENT_KINDS)})",
            key="env_manager",
            hint=f"did you mean {meant!r}?" if meant else None,
        )
    if manager == "local":
        return EnvironmentSpec(kind="local", directory=str(directory))
    if declared.docker_env is not None or manager == "docker":
        return _docker(directory, declared, manager)
    source = _declared_file(directory, declared)
    if manager == "uv" and (directory / "uv.lock").is_file() and (directory / "pyproject.toml").is_file():
        return locked_project(directory)
    if source.kind == "conda":
        return _from_conda_file(directory, source, manager, os.environ if environ is None else environ)
    if manager == "uv" and source.path is None and is_python_project(directory):
        return unlocked_project(directory)
    return _from_python_env(directory, source, manager)


def _docker(directory: Path, declared: DeclaredEnvironment, manager: str | None) -> EnvironmentSpec:
    if declared.docker_env is None:
        raise ManifestError(
            "the project declares no docker_env, so it cannot be run with the docker manager",
            path=directory,
            key="docker_env",
            hint="name an image under docker_env in the MLproject file, or choose another --env-manager",
        )
    if manager not in (None, "docker"):
        raise ManifestError(
            f"the project declares a docker_env, so it cannot be run with the {manager} manager",
            path=directory,
            key="docker_env",
            hint="leave --env-manager out, or use `--env-manager local` inside a suitable environment",
        )
    return EnvironmentSpec(kind="docker", docker=declared.docker_env, directory=str(directory))


def _declared_file(directory: Path, declared: DeclaredEnvironment) -> _Declared:
    for kind, key, name in (
        ("python", "python_env", declared.python_env),
        ("conda", "conda_env", declared.conda_env),
    ):
        if name is not None:
            path = directory / name
            if not path.is_file():
                raise ManifestError(
                    f"the environment file {name!r} does not exist ({path})", path=directory, key=key
                )
            return _Declared(kind=kind, path=path, named=key)
    for kind, name in (("python", "python_env.yaml"), ("conda", "conda.yaml")):
        if (directory / name).is_file():
            return _Declared(kind=kind, path=directory / name, named=None)
    return _Declared(kind="python", path=None, named=None)


def _from_python_env(directory: Path, source: _Declared, manager: str | None) -> EnvironmentSpec:
    kind: EnvironmentKind = "uv" if manager == "uv" else "conda" if manager == "conda" else "virtualenv"
    if source.path is None:
        if kind == "conda":
            return _conda_spec(directory, packages=[f"python={current_python()}", "pip"], lines=())
        return EnvironmentSpec(kind=kind, python=current_python(), directory=str(directory))
    file = read_python_env(source.path)
    python = _checked_python(*file.python) if file.python else current_python()
    build = read_requirement_lines(file.build_dependencies, directory)
    lines = read_requirement_lines(file.dependencies, directory)
    if kind == "conda":
        everything = (*file.build_dependencies, *file.dependencies)
        return _conda_spec(directory, packages=[_conda_python(python), "pip"], lines=everything)
    return _pip_spec(directory, kind=kind, python=python, build=build, lines=lines)


def _from_conda_file(
    directory: Path, source: _Declared, manager: str | None, environ: Mapping[str, str]
) -> EnvironmentSpec:
    assert source.path is not None
    file = read_conda_file(source.path)
    if manager in ("virtualenv", "uv"):
        kind: EnvironmentKind = "uv" if manager == "uv" else "virtualenv"
        return _translated_conda(directory, file.packages, file.pip, kind=kind, notes=file.notes)
    if manager is None and not _has_conda(environ):
        raise ManifestError(
            f"the project wants a conda environment, but none of {', '.join(CONDA_TOOLS)} is on PATH",
            path=source.path,
            key=source.named,
            hint="install one of them, or use `--env-manager virtualenv`, which translates what pip knows",
        )
    packages = [text for _, text in file.packages]
    for place, text in file.packages:
        _checked_conda_spec(place, text)
    return _conda_spec(
        directory,
        packages=packages,
        lines=file.pip,
        channels=file.channels,
        variables=file.variables,
        notes=file.notes,
    )


def _has_conda(environ: Mapping[str, str]) -> bool:
    named = any(Path(environ.get(name, "")).is_file() for name in ("CONDA_EXE", "MAMBA_EXE"))
    return named or any(shutil.which(tool, path=environ.get("PATH", "")) for tool in CONDA_TOOLS)


def _conda_spec(
    directory: Path,
    *,
    packages: list[str],
    lines: Lines,
    channels: tuple[str, ...] = (),
    variables: tuple[tuple[str, str], ...] = (),
    notes: tuple[str, ...] = (),
) -> EnvironmentSpec:
    """The conda part as a file (JSON is YAML) without its pip section, whose lines are `requirements`."""
    read = read_requirement_lines(lines, directory)
    text = json.dumps(
        {"channels": list(channels), "dependencies": packages, "variables": dict(variables)}, indent=1
    )
    return EnvironmentSpec(
        kind="conda",
        requirements=tuple(read.requirements),
        constraints=tuple(read.constraints),
        files=(("conda.yaml", text),),
        local_sources=local_sources(directory, [*read.local_paths, *read.links]),
        directory=str(directory),
        notes=notes,
    )


def _translated_conda(
    directory: Path, packages: Lines, pip: Lines, *, kind: EnvironmentKind, notes: tuple[str, ...]
) -> EnvironmentSpec:
    python: str | None = None
    translated: list[str] = []
    losses = list(notes)
    for place, text in packages:
        name, version = _checked_conda_spec(place, text)
        if name == "python":
            python = _checked_python(place, version.split("=py")[0].rstrip("=")) if version else None
            continue
        requirement, loss = pip_requirement(name, version)
        if requirement == "pip":
            continue
        if requirement is not None:
            translated.append(requirement)
        if loss is not None:
            losses.append(f"{place.path.name}:{place.line}: {loss}")
    lines = read_requirement_lines(pip, directory)
    named_by_pip = {_requirement_name(line) for line in lines.requirements}
    translated = [line for line in translated if _requirement_name(line) not in named_by_pip]
    lines.requirements[:0] = translated
    return _pip_spec(
        directory,
        kind=kind,
        python=python or current_python(),
        build=RequirementLines(),
        lines=lines,
        notes=tuple(losses),
    )


def _requirement_name(line: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", line)
    return re.sub(r"[-_.]+", "-", match[0]).lower() if match else line


def _checked_conda_spec(place: Place, text: str) -> tuple[str, str]:
    try:
        return split_spec(text)
    except ValueError as error:
        raise place.fault(str(error)) from error


def _checked_python(place: Place, text: str) -> str:
    try:
        PythonRequest.parse(text)
    except ValueError as error:
        raise place.fault(str(error)) from error
    return text


def _conda_python(request: str) -> str:
    return f"python{request}" if request[0] in "<>=!~" else f"python={request}"


def _pip_spec(
    directory: Path,
    *,
    kind: EnvironmentKind,
    python: str,
    build: RequirementLines,
    lines: RequirementLines,
    notes: tuple[str, ...] = (),
) -> EnvironmentSpec:
    paths = [*build.local_paths, *build.links, *lines.local_paths, *lines.links]
    return EnvironmentSpec(
        kind=kind,
        python=python,
        build_requirements=tuple(build.requirements),
        requirements=tuple(lines.requirements),
        constraints=(*build.constraints, *lines.constraints),
        local_sources=local_sources(directory, paths),
        directory=str(directory),
        notes=notes,
    )
