"""Every problem of a project in one go."""

from __future__ import annotations

from pathlib import Path

from runner.errors import ManifestError
from runner.manifest.findings import Findings
from runner.manifest.problem import Problem
from runner.manifest.scripts import check_scripts
from runner.manifest.survey import Survey, survey


def check(directory: Path, *, env_manager: str | None = None) -> list[Problem]:
    """All that is wrong or doubtful with the project in `directory`, errors first, then by line.

    Nothing is executed: scripts are parsed, never imported. Raises ManifestNotFound where `directory` is no
    directory.
    """
    found = survey(directory)
    findings = Findings(found.path or directory)
    findings.problems.extend(found.problems)
    for entry_point in found.definition.entry_points:
        check_scripts(entry_point, findings, in_container=found.definition.environment.docker_env is not None)
    if not any(problem.severity == "error" and problem.at_load for problem in found.problems):
        _check_environment(found, findings, env_manager)
    return sorted(
        findings.problems, key=lambda problem: (problem.severity != "error", problem.line or 0, problem.key)
    )


def _check_environment(found: Survey, findings: Findings, env_manager: str | None) -> None:
    from runner.manifest.dependencies import resolve_environment

    try:
        resolve_environment(found.directory, found.definition.environment, env_manager)
    except ManifestError as error:
        path = error.path or findings.path
        message = str(error).removeprefix(f"{error.path}:{error.line}: ").removeprefix(f"{error.path}: ")
        findings.problems.append(
            Problem(
                severity="error",
                message=message,
                path=path,
                line=error.line,
                key=error.key or "",
                suggestion=error.hint,
            )
        )
