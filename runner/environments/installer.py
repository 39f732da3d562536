"""Fills an environment from requirement lines: with uv, or with pip where uv is not there."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from runner.environments.builder import BuildOrder, log_tail
from runner.environments.pip_settings import as_uv_variables
from runner.environments.requirements import InstallPlan, plan_installation, split_for_uv, write_private
from runner.errors import EnvironmentBuildError
from runner.process import ToolTimeout, capture

_STRAY = frozenset(
    {
        *("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONDONTWRITEBYTECODE", "__PYVENV_LAUNCHER__"),
        *("VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "UV_PYTHON", "UV_PROJECT_ENVIRONMENT"),
        *("UV_SYSTEM_PYTHON", "UV_BREAK_SYSTEM_PACKAGES", "UV_TARGET", "UV_PREFIX", "UV_PROJECT"),
        *("UV_CONSTRAINT", "UV_OVERRIDE", "UV_NO_SYNC", "UV_DEV", "UV_FROZEN", "UV_LOCKED"),
        *("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_PYTHON", "PIP_REQUIRE_VIRTUALENV"),
        *("PIP_REQUIREMENT", "PIP_CONSTRAINT", "PIP_EDITABLE", "PIP_NO_DEPS", "PIP_UPGRADE", "PIP_DRY_RUN"),
    }
)


def find_uv(environ: Mapping[str, str]) -> Path | None:
    """uv: beside our Python, as installed with us, or on PATH. None where RUNNER_INSTALLER says pip."""
    if environ.get("RUNNER_INSTALLER") == "pip":
        return None
    beside = Path(sys.executable).with_name("uv")
    if os.access(beside, os.X_OK):
        return beside
    try:
        from uv import find_uv_bin

        return Path(find_uv_bin())
    except (ImportError, OSError):
        pass
    on_path = shutil.which("uv", path=environ.get("PATH", ""))
    return Path(on_path) if on_path else None


def tool_environ(environ: Mapping[str, str], **extra: str) -> dict[str, str]:
    """`environ` without what would send a tool to another environment than the one it is told."""
    kept = {
        name: value
        for name, value in environ.items()
        if name not in _STRAY and not name.startswith("VIRTUALENV_")
    }
    return {**kept, "NO_COLOR": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", **extra}


def uv_environ(environ: Mapping[str, str], **extra: str) -> dict[str, str]:
    """`tool_environ` for uv. Interpreters are never downloaded behind the user's back."""
    return tool_environ(
        environ,
        **as_uv_variables(environ),
        UV_NO_PROGRESS="1",
        UV_PYTHON_DOWNLOADS="never",
        **extra,
    )


def install(order: BuildOrder, python: Path, *, builder: str) -> InstallPlan:
    """Installs the build requirements and then the requirements of `order.spec` for `python`.

    Credentials in index URLs are in a private file only while it runs, never in an argv.
    Raises EnvironmentBuildError, naming the requirement at fault where the installer does.
    """
    spec = order.spec
    plan = plan_installation(spec, order.staging, project=Path(spec.directory) if spec.directory else None)
    constraints = write_private(order.staging / "constraints.txt", spec.constraints)
    uv = find_uv(order.environ)
    for name, requirements in (("build", spec.build_requirements), ("run", spec.requirements)):
        if not requirements:
            continue
        order.report("installing")
        lines = plan.lines(requirements)
        path = order.staging / f"{name}-requirements.txt"
        try:
            if uv is not None:
                _with_uv(order, uv, python, lines, path, constraints, plan, builder)
            else:
                _with_pip(order, python, lines, path, constraints, builder)
        except EnvironmentBuildError as error:
            raise _explained(error, order, requirements) from error
        finally:
            path.unlink(missing_ok=True)
    return plan


def _with_uv(
    order: BuildOrder,
    uv: Path,
    python: Path,
    lines: list[str],
    path: Path,
    constraints: Path,
    plan: InstallPlan,
    builder: str,
) -> None:
    kept, variables = split_for_uv(lines)
    write_private(path, kept)
    argv = [
        str(uv),
        "pip",
        "install",
        "--python",
        str(python),
        "--compile-bytecode",
        "--requirement",
        str(path),
    ]
    if order.spec.constraints:
        argv += ["--constraint", str(constraints)]
    if plan.rebuild:
        argv.append("--refresh")
    order.run(
        argv,
        builder=builder,
        failure="the requirements could not be installed",
        cwd=order.staging,
        environ=uv_environ(order.environ, **variables),
    )


def _with_pip(
    order: BuildOrder, python: Path, lines: list[str], path: Path, constraints: Path, builder: str
) -> None:
    write_private(path, lines)
    argv = [str(python), "-I", "-m", "pip", "install", "--requirement", str(path)]
    if order.spec.constraints:
        argv += ["--constraint", str(constraints)]
    order.run(
        argv,
        builder=builder,
        failure="the requirements could not be installed",
        cwd=order.staging,
        environ=tool_environ(order.environ),
    )


def check_consistency(order: BuildOrder, python: Path) -> None:
    """Warns of packages whose own requirements are not met. Never fails."""
    uv = find_uv(order.environ)
    if uv is None:
        return
    try:
        answer = capture(
            [str(uv), "pip", "check", "--python", str(python)],
            environ=uv_environ(order.environ),
            timeout_s=min(60.0, order.left_s()),
        )
    except (OSError, ToolTimeout):
        return
    if answer.returncode != 0:
        said = answer.stderr.decode(errors="replace").strip().splitlines()
        faults = [line.strip() for line in said if line.startswith("The package")]
        for fault in faults[:5]:
            order.warn(f"the environment is not consistent: {fault}")


def _explained(
    error: EnvironmentBuildError, order: BuildOrder, requirements: tuple[str, ...]
) -> EnvironmentBuildError:
    """The same failure with the requirement lines at fault, and a hint where the cause is known."""
    from runner.redaction import Redactor

    said = log_tail(order.log_path, lines=40)
    faulty = [line for line in requirements if _is_named(line, said)]
    message = str(error)
    if faulty:
        listed = Redactor(()).hide_text(", ".join(repr(line) for line in faulty[:5]))
        first, newline, rest = message.partition("\n")
        message = f"{first}: {listed}{newline}{rest}"
    return EnvironmentBuildError(
        message,
        builder=error.builder,
        log_path=error.log_path,
        hint=_hint(said, order.log_path) or error.hint,
    )


def _is_named(line: str, said: str) -> bool:
    """Whether the installer's complaint speaks of the package of a requirement line."""
    match = re.match(r"^[A-Za-z0-9][A-Za-z0-9._-]*", line)
    if match is None:
        location = re.sub(r"^-e\s+", "", line)
        return not line.startswith("--") and len(location) > 2 and location in said
    name = re.sub(r"[-_.]+", "[-_.]+", re.escape(match[0]).replace("\\", ""))
    complaint = _complaint(said)
    return re.search(rf"(?i)(?<![A-Za-z0-9._-]){name}(?![A-Za-z0-9_-])", complaint) is not None


def _complaint(said: str) -> str:
    """From the first line that reports an error; warnings and progress before it do not count."""
    match = re.search(r"(?im)^\s*(error|cause|caused by)\b.*", said)
    return said[match.start() :] if match else ""


def _hint(said: str, log_path: Path) -> str | None:
    if "unsafe-best-match" in said:
        return (
            "a package is taken from the first index that knows it; if you trust all indexes equally, "
            f"set UV_INDEX_STRATEGY=unsafe-best-match (the whole log: {log_path})"
        )
    if re.search(
        r"dns error|Temporary failure in name resolution|Could not connect|Connection refused", said
    ):
        return f"the package index could not be reached (the whole log: {log_path})"
    return None
