"""What a program inherits of the environment it runs in, and what a nested run makes of it.

`RUNNER_ENVIRONMENT` is the path of the ready marker, `RUNNER_ENVIRONMENT_KIND` the kind. A nested run whose
specification has the same fingerprint uses the same environment without a look into the cache, and one that
names no environment manager goes by the kind of the run that it is nested in.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runner.model.environment import DeclaredEnvironment, Environment, EnvironmentSpec

ENVIRONMENT = "RUNNER_ENVIRONMENT"
KIND = "RUNNER_ENVIRONMENT_KIND"


def inheritance(environment: Environment) -> dict[str, str]:
    """The variables that a program started in `environment` gets, so that its nested runs know it."""
    found: dict[str, str] = {KIND: environment.kind}
    if ENVIRONMENT in environment.variables:
        found[ENVIRONMENT] = environment.variables[ENVIRONMENT]
    return found


def inherited(environ: Mapping[str, str], spec: EnvironmentSpec) -> Environment | None:
    """The environment we run in, if it is what `spec` asks for and still there. One small file is read.

    The run that we are nested in holds the mark of use, so none is written.
    """
    text = environ.get(ENVIRONMENT)
    if not text:
        return None
    path = Path(text)
    if path.parent.name != spec.fingerprint():
        return None
    from runner.environments.entry import platform_tag
    from runner.environments.marker import read_marker

    marker = read_marker(path) if path.parent.parent.name == platform_tag() else None
    if marker is None or marker.environment.fingerprint != path.parent.name:
        return None
    return marker.environment


def inherited_manager(environ: Mapping[str, str], declared: DeclaredEnvironment) -> str | None:
    """The environment manager that a nested run takes over where none was chosen for it, or None.

    docker serves only projects with a `docker_env`, and those only docker or local.
    """
    kind = environ.get(KIND)
    if not kind:
        return None
    if declared.docker_env is not None:
        return kind if kind in ("docker", "local") else None
    return None if kind == "docker" else kind
