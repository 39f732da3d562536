"""What a project's file says and everything that is wrong with it: `load` and `check` both ask here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runner.errors import ManifestError
from runner.manifest.commands import check_command
from runner.manifest.definition import Definition, define
from runner.manifest.document import read_document
from runner.manifest.find import find_manifest
from runner.manifest.findings import Findings
from runner.manifest.problem import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A directory's project file, read. `path` is None where there is none."""

    directory: Path
    path: Path | None
    definition: Definition
    problems: tuple[Problem, ...]


def survey(directory: Path) -> Survey:
    """Reads the project file of `directory`.

    Raises ManifestNotFound where that is no directory. Whatever is wrong with the file is in `problems`.
    """
    found = find_manifest(directory)
    if found.path is None:
        return Survey(directory=directory, path=None, definition=Definition(), problems=())
    findings = Findings(found.path)
    for other in found.passed_over:
        findings.warning(
            f"{found.path.name} is read and {other.name} is passed over", line=None, key="", hint="keep one"
        )
    definition = _define(directory, found.path, findings)
    return Survey(
        directory=directory, path=found.path, definition=definition, problems=tuple(findings.problems)
    )


def _define(directory: Path, path: Path, findings: Findings) -> Definition:
    try:
        root, text = read_document(path)
    except ManifestError as error:
        message = str(error).removeprefix(f"{error.path}:{error.line}: ").removeprefix(f"{error.path}: ")
        findings.error(message, line=error.line, key=error.key or "", hint=error.hint, formal=False)
        return Definition()
    definition = define(root, text, directory=directory, findings=findings)
    _check_environment_file(definition, directory, findings)
    for entry_point in definition.entry_points:
        check_command(entry_point, findings)
    return definition


def _check_environment_file(definition: Definition, directory: Path, findings: Findings) -> None:
    declared = {
        "python_env": definition.environment.python_env,
        "conda_env": definition.environment.conda_env,
    }
    named = [(key, name) for key, name in declared.items() if name is not None]
    if len(named) != 1:
        return
    key, name = named[0]
    if not (directory / name).is_file():
        findings.error(
            f"the environment file {name} does not exist",
            line=definition.environment_line,
            key=key,
            hint="its path starts from the directory of the project file",
            formal=False,
        )
