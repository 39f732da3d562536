"""Environments made by uv: from a project's uv.lock, its pyproject.toml, or plain requirements."""

from __future__ import annotations

import os
from pathlib import Path

from runner.environments.builder import BuildOrder, EnvironmentBuilder
from runner.environments.discovery import Interpreter
from runner.environments.installer import find_uv, install, uv_environ
from runner.environments.requirements import InstallPlan
from runner.environments.virtualenv import finished, wanted_interpreter
from runner.errors import EnvironmentBuildError
from runner.model.environment import Environment


class UvBuilder:
    """The builder behind `--env-manager uv`. Stateless, thread-safe."""

    name = "uv"

    def build(self, order: BuildOrder) -> Environment:
        """See EnvironmentBuilder."""
        uv = find_uv(order.environ)
        if uv is None:
            raise EnvironmentBuildError(
                "uv is not on this machine",
                builder=self.name,
                hint="install it with `pip install uv`, or use `--env-manager virtualenv`",
            )
        interpreter = wanted_interpreter(order)
        files = dict(order.spec.files)
        plan = InstallPlan(installed_from={source.directory: source for source in order.spec.local_sources})
        if "uv.lock" in files:
            self._sync(order, uv, interpreter)
        else:
            self._create(order, uv, interpreter)
            if "pyproject.toml" in files:
                self._resolve(order, uv)
            else:
                plan = install(order, order.prefix / "bin" / "python", builder=self.name)
        return finished(order, plan, builder=self.name)

    def _create(self, order: BuildOrder, uv: Path, interpreter: Interpreter) -> None:
        order.report(f"creating with Python {interpreter.version_text}")
        order.run(
            [
                str(uv),
                "venv",
                "--quiet",
                "--no-project",
                "--python",
                str(interpreter.executable),
                str(order.prefix),
            ],
            builder=self.name,
            failure=f"no environment could be created with {interpreter.executable}",
            cwd=order.staging,
            environ=uv_environ(order.environ),
        )

    def _sync(self, order: BuildOrder, uv: Path, interpreter: Interpreter) -> None:
        """Exactly what the lock says. Works on links, since path sources are relative to the project."""
        order.report("installing from uv.lock")
        order.run(
            [
                *(str(uv), "sync", "--frozen", "--no-dev", "--no-install-project", "--compile-bytecode"),
                *("--python", str(interpreter.executable), "--project", self._project(order)),
            ],
            builder=self.name,
            failure="what uv.lock names could not be installed",
            cwd=order.staging,
            environ=uv_environ(order.environ, UV_PROJECT_ENVIRONMENT=str(order.prefix)),
        )

    def _resolve(self, order: BuildOrder, uv: Path) -> None:
        order.report("resolving pyproject.toml")
        project = self._project(order)
        order.run(
            [
                *(str(uv), "pip", "install", "--compile-bytecode"),
                *("--python", str(order.prefix / "bin" / "python")),
                *("--requirement", os.path.join(project, "pyproject.toml")),
            ],
            builder=self.name,
            failure="the dependencies of pyproject.toml could not be installed",
            cwd=Path(project),  # its [tool.uv] counts,
            environ=uv_environ(order.environ),
        )

    def _project(self, order: BuildOrder) -> str:
        """Where the project's files are: copies in staging, unless they speak of paths beside them."""
        if order.spec.local_sources:
            return order.spec.directory
        project = order.staging / "project"
        project.mkdir()
        for name, text in order.spec.files:
            (project / name).write_text(text, encoding="utf-8")
        return str(project)


def _conforms(builder: UvBuilder) -> EnvironmentBuilder:
    return builder
