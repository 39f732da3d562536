"""Search engines that are not installed: had from an environment of their own, built once for all sweeps."""

from __future__ import annotations

import importlib
import platform
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from runner.environments.ensure import ensure
from runner.events import Listener
from runner.model.environment import EnvironmentSpec
from runner.model.sweep import Sweep
from runner.search import engines
from runner.search.engines import EngineMissing
from runner.search.protocol import Searcher


def searcher_for(
    sweep: Sweep, *, cache_dir: Path, environ: Mapping[str, str], listener: Listener
) -> Searcher:
    """As `runner.search.engines.searcher_for`; an engine that is missing is fetched, and kept in the cache.

    It stands behind everything that is installed, so that it changes no version of what this process uses.
    Raises ManifestError, EngineMissing where it cannot be imported even so, and EnvironmentBuildError.
    """
    try:
        return engines.searcher_for(sweep)
    except EngineMissing as missing:
        requirements = missing.needs.requirements
    # The same interpreter's: what is compiled must fit this process.
    spec = EnvironmentSpec(kind="virtualenv", python=platform.python_version(), requirements=requirements)
    environment, _ = ensure(spec, cache_dir=cache_dir, environ=environ, listener=listener)
    assert environment.directory is not None, "a virtual environment has a directory"
    for scheme in ("purelib", "platlib"):
        directory = sysconfig.get_path(scheme, "posix_prefix", vars={"base": str(environment.directory)})
        if directory not in sys.path:
            sys.path.append(directory)
    importlib.invalidate_caches()
    return engines.searcher_for(sweep)
