"""Where a test builds environments: a cache, wheels and clean variables of its own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from runner.environments.ensure import ensure, environments_root
from runner.environments.entry import Entry
from runner.events import Event, ignore
from runner.model.environment import Environment, EnvironmentSpec

PYTHON = ".".join(map(str, sys.version_info[:3]))


@dataclass(frozen=True)
class Workshop:
    """Where one test builds: its cache directory, its wheels, and the variables of its tools."""

    cache_dir: Path
    wheels: Path
    environ: dict[str, str]

    @property
    def root(self) -> Path:
        return environments_root(self.cache_dir)

    def entry(self, spec: EnvironmentSpec) -> Entry:
        return Entry(root=self.root, fingerprint=spec.fingerprint())

    def spec(self, *requirements: str, kind: str = "virtualenv", python: str = PYTHON) -> EnvironmentSpec:
        assert kind in ("virtualenv", "uv")
        lines = ("--no-index", f"--find-links {self.wheels}", *requirements) if requirements else ()
        return EnvironmentSpec(
            kind="uv" if kind == "uv" else "virtualenv",
            python=python,
            requirements=lines,
            directory=str(self.cache_dir),
        )

    def ensure(
        self, spec: EnvironmentSpec, listener: Callable[[Event], None] = ignore, **environ: str
    ) -> tuple[Environment, bool]:
        return ensure(
            spec,
            cache_dir=self.cache_dir,
            environ={**self.environ, **environ},
            listener=listener,
            timeout_s=120,
        )
