"""From a specification to an environment that can be used: inherited, cached, or built now."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from runner.events import Listener
from runner.model.environment import Environment, EnvironmentSpec


def ensure(
    spec: EnvironmentSpec,
    *,
    cache_dir: Path,
    environ: Mapping[str, str],
    listener: Listener,
    timeout_s: float = 3600.0,
) -> tuple[Environment, bool]:
    """The environment for `spec`, and whether it was built by this call.

    `cache_dir` is runner's cache, in which environments have a folder. `environ` is what tools are started
    with and where they are looked for. `timeout_s` bounds both waiting for another's build and our own.

    Raises EnvironmentBuildError, InterpreterNotFound and UnknownPlugin. Safe to call from any number of
    threads and processes at once: one of them builds.
    """
    if spec.kind == "local":
        from runner.environments.local import open_local

        return open_local(spec, environ), False
    if spec.kind == "docker":
        from runner.environments.docker import open_docker

        return open_docker(spec, cache_dir=cache_dir, environ=environ, listener=listener, timeout_s=timeout_s)
    from runner.environments.current import inherited

    environment = inherited(environ, spec)
    if environment is not None:
        return environment, False
    from runner import plugins
    from runner.environments import cache
    from runner.environments.builder import EnvironmentBuilder

    builder = cast("type[EnvironmentBuilder]", plugins.load("environment builder", spec.kind))
    return cache.ensure(
        spec,
        builder(),
        root=environments_root(cache_dir),
        environ=environ,
        listener=listener,
        deadline_s=timeout_s,
    )


def environments_root(cache_dir: Path) -> Path:
    """The folder of environments in runner's cache."""
    return cache_dir / "environments"
