"""A directory -> the project in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from runner.manifest.survey import survey
from runner.model.environment import DeclaredEnvironment
from runner.model.project import Project


def load(
    directory: Path,
    *,
    env_manager: str | None = None,
    inherited_manager: Callable[[DeclaredEnvironment], str | None] = lambda _: None,
) -> Project:
    """The project in `directory`; one without a project file has only its scripts as entry points.

    `env_manager` is the user's wish for how the environment is made; where it is None, `inherited_manager` is
    asked what the run that this one is nested in says; None again means the project's own way.
    What is wrong with one entry point's command alone is raised when that one is bound, so that the others
    can be used. Raises ManifestNotFound, and ManifestError with the first error of `check`.
    """
    # Imported here: it reads environment files, which not every caller of this package needs.
    from runner.manifest.dependencies import resolve_environment

    found = survey(directory)
    stopping = [problem for problem in found.problems if problem.severity == "error" and problem.at_load]
    if stopping:
        raise min(stopping, key=lambda problem: problem.line or 0).error()
    definition = found.definition
    return Project(
        name=definition.name,
        directory=directory,
        manifest_path=found.path,
        entry_points={entry_point.name: entry_point for entry_point in definition.entry_points},
        environment=resolve_environment(
            directory, definition.environment, env_manager or inherited_manager(definition.environment)
        ),
        sweeps=definition.sweeps,
        broken_sweeps=definition.broken_sweeps,
        shell=os.environ.get("SHELL") or "bash",
        warnings=tuple(str(problem) for problem in found.problems if problem.severity == "warning"),
    )
