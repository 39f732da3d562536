"""Environments made by conda, mamba or micromamba from a conda file.

Activation is a value here, not a shell line: the scripts in `etc/conda/activate.d` are run once, when the
environment is built, and the variables that they set are kept and set for every program.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from runner.environments.builder import BuildOrder, EnvironmentBuilder
from runner.environments.installer import tool_environ
from runner.environments.lock import look_inside
from runner.environments.requirements import plan_installation, write_private
from runner.environments.virtualenv import UNSET
from runner.errors import EnvironmentBuildError
from runner.model.environment import Environment
from runner.process import ToolTimeout, capture

# The faster solvers first; all of them read the same files and channels.
TOOLS = ("mamba", "micromamba", "conda")
_OF_THE_SHELL = ("PATH", "PWD", "OLDPWD", "SHLVL", "_", "BASH_ENV")


class CondaBuilder:
    """The builder behind `--env-manager conda`. Stateless, thread-safe."""

    name = "conda"

    def build(self, order: BuildOrder) -> Environment:
        """See EnvironmentBuilder."""
        tool = find_conda(order.environ)
        if tool is None:
            raise EnvironmentBuildError(
                f"none of {', '.join(TOOLS)} is on PATH",
                builder=self.name,
                hint="install one, or use `--env-manager virtualenv`, which translates what pip knows",
            )
        order.report(f"creating with {tool.name}")
        file, variables = self._write_file(order)
        self._create(order, tool, file)
        lock = self._lock(order, tool)
        return Environment(
            kind="conda",
            fingerprint=order.spec.fingerprint(),
            directory=order.prefix,
            python=self._python(order),
            path_entries=(str(order.prefix / "bin"),),
            variables={**_activation(order), **variables},
            unset=UNSET,
            lock=lock,
        )

    def _write_file(self, order: BuildOrder) -> tuple[Path, dict[str, str]]:
        """The conda file with pip's part put in, and the variables that it sets."""
        described = json.loads(dict(order.spec.files)["conda.yaml"])
        plan = plan_installation(order.spec, order.staging, project=Path(order.spec.directory))
        lines = plan.lines(order.spec.requirements)
        if order.spec.constraints:
            constraints = write_private(order.staging / "constraints.txt", order.spec.constraints)
            lines.append(f"--constraint {constraints}")
        dependencies: list[object] = list(described["dependencies"])
        if lines:
            requirements = write_private(order.staging / "requirements.txt", lines)
            if "pip" not in dependencies:
                dependencies.append("pip")
            dependencies.append({"pip": [f"-r {requirements}"]})
        content = {"channels": described["channels"], "dependencies": dependencies}
        if not content["channels"]:
            del content["channels"]
        # JSON is YAML, and needs no quoting rules of its own.
        path = write_private(order.staging / "environment.yml", [json.dumps(content, indent=1)])
        return path, {str(name): str(value) for name, value in described.get("variables", {}).items()}

    def _create(self, order: BuildOrder, tool: Path, file: Path) -> None:
        if tool.name == "micromamba":
            argv = [str(tool), "create", "--yes", "--prefix", str(order.prefix), "--file", str(file)]
        else:
            argv = [str(tool), "env", "create", "--prefix", str(order.prefix), "--file", str(file)]
        order.run(
            argv,
            builder=self.name,
            failure="the conda environment could not be created",
            cwd=order.staging,
            environ=_conda_environ(order.environ),
        )

    def _python(self, order: BuildOrder) -> Path | None:
        python = order.prefix / "bin" / "python"
        return python if python.exists() else None

    def _lock(self, order: BuildOrder, tool: Path) -> str:
        """The exact URLs of conda's packages, then pip's part as comments, which conda passes over."""
        order.report("checking")
        explicit = self._explicit(order, tool)
        python = self._python(order)
        if python is None:
            return explicit
        inside = look_inside(python, order, builder=self.name, installed_from={})
        listed = "".join(f"# {line.removeprefix('# ')}\n" for line in inside.lock.splitlines())
        return f"{explicit}\n# seen by Python:\n{listed}"

    def _explicit(self, order: BuildOrder, tool: Path) -> str:
        from runner.redaction import Redactor

        try:
            answer = capture(
                [str(tool), "list", "--explicit", "--md5", "--prefix", str(order.prefix)],
                environ=_conda_environ(order.environ),
                timeout_s=order.left_s(),
            )
        except (OSError, ToolTimeout):
            answer = None
        if answer is None or answer.returncode != 0:
            order.warn(f"{tool.name} could not list the environment's packages: its lock is incomplete")
            return ""
        return Redactor(()).hide_text(answer.text)


def find_conda(environ: Mapping[str, str]) -> Path | None:
    """The conda-like tool to use: by name on PATH, else where an activated shell says that it is."""
    for name in TOOLS:
        found = shutil.which(name, path=environ.get("PATH", ""))
        if found is not None:
            return Path(found)
    for variable in ("MAMBA_EXE", "CONDA_EXE"):
        path = environ.get(variable, "")
        if path and os.access(path, os.X_OK):
            return Path(path)
    return None


def _conda_environ(environ: Mapping[str, str]) -> dict[str, str]:
    return tool_environ(environ, CONDA_ALWAYS_YES="true", MAMBA_ALWAYS_YES="true", MAMBA_NO_BANNER="1")


def _activation(order: BuildOrder) -> dict[str, str]:
    """The variables of an activated environment, those included that its packages' scripts set."""
    own = {
        "CONDA_PREFIX": str(order.prefix),
        "CONDA_DEFAULT_ENV": str(order.prefix),
        "CONDA_SHLVL": "1",
    }
    scripts = sorted((order.prefix / "etc" / "conda" / "activate.d").glob("*.sh"))
    if not scripts:
        return own
    before = {**tool_environ(order.environ), **own}
    before["PATH"] = f"{order.prefix / 'bin'}:{order.environ.get('PATH', '/usr/bin:/bin')}"
    # The scripts' paths are arguments: nothing is pasted into the shell's text.
    argv = ["bash", "-c", 'for script; do . "$script" >&2; done; env -0', "bash", *map(str, scripts)]
    try:
        answer = capture(argv, environ=before, timeout_s=min(60.0, order.left_s()))
    except (OSError, ToolTimeout) as error:
        order.warn(f"the environment's activation scripts could not be run: {error}")
        return own
    after = dict(pair.split("=", 1) for pair in os.fsdecode(answer.stdout).split("\0") if "=" in pair)
    changed = {
        name: value
        for name, value in after.items()
        if before.get(name) != value and name not in _OF_THE_SHELL and not name.startswith("BASH_FUNC")
    }
    return {**own, **changed}


def _conforms(builder: CondaBuilder) -> EnvironmentBuilder:
    return builder
