"""The files that say what must be installed for a model, as MLflow writes them.

`requirements.txt` names what the model needs, `constraints.txt` pins what that needs in turn, without asking
for it; `python_env.yaml` and `conda.yaml` add the interpreter.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from os import PathLike
from pathlib import Path
from typing import Any

from tracking_client.errors import InvalidArgument
from tracking_client.models.requirements import (
    given_requirements,
    name_of,
    pinned_below,
    with_mlflow,
)

REQUIREMENTS = "requirements.txt"
CONSTRAINTS = "constraints.txt"
CONDA = "conda.yaml"
PYTHON_ENV = "python_env.yaml"
ENV = {"conda": CONDA, "virtualenv": PYTHON_ENV}
"""`env` of the flavor `python_function`."""

Requirements = Sequence[str] | str | PathLike[str]


def write_environment(
    directory: Path,
    found: Sequence[str],
    *,
    pip_requirements: Requirements | None = None,
    extra_pip_requirements: Requirements | None = None,
    conda_env: Mapping[str, Any] | str | PathLike[str] | None = None,
) -> None:
    """Writes the files. Requirements are those `found`, and `extra_pip_requirements`; or `pip_requirements`.

    `conda_env` (a dict, or a file of one) replaces all of that. Raises InvalidArgument.
    """
    if conda_env is not None:
        if pip_requirements is not None or extra_pip_requirements is not None:
            raise InvalidArgument("Give `conda_env` or requirements for pip, not both")
        conda = _given_conda(conda_env)
        _write(directory, conda, _pip_part_of(conda), [])
        return
    if pip_requirements is not None:
        if extra_pip_requirements is not None:
            raise InvalidArgument("Give `pip_requirements` or `extra_pip_requirements`, not both")
        lines, constraints = given_requirements(pip_requirements, "pip_requirements"), []
    else:
        extra = given_requirements(extra_pip_requirements or [], "extra_pip_requirements")
        named = {name_of(line) for line in extra}
        lines = sorted([*(line for line in found if name_of(line) not in named), *extra])
        there = {name_of(line) for line in lines}
        constraints = [pin for pin in pinned_below(lines) if name_of(pin) not in there]
    lines = with_mlflow(lines)
    if constraints:
        lines = [*lines, f"-c {CONSTRAINTS}"]
    _write(directory, _conda(lines), lines, constraints)


def _write(
    directory: Path, conda: Mapping[str, Any], lines: Sequence[str], constraints: Sequence[str]
) -> None:
    import yaml

    if constraints:
        (directory / CONSTRAINTS).write_text("\n".join(constraints) + "\n", encoding="utf-8")
    (directory / REQUIREMENTS).write_text("\n".join(lines), encoding="utf-8")
    (directory / CONDA).write_text(yaml.safe_dump(dict(conda), default_flow_style=False), encoding="utf-8")
    text = yaml.safe_dump(_python_env(), default_flow_style=False, sort_keys=False)
    (directory / PYTHON_ENV).write_text(text, encoding="utf-8")


def _conda(lines: Sequence[str]) -> dict[str, Any]:
    pip = _installed("pip")
    python = f"python={platform.python_version()}"
    return {
        "channels": ["conda-forge"],
        "dependencies": [python, f"pip<={pip}" if pip else "pip", {"pip": list(lines)}],
        "name": "mlflow-env",
    }


def _python_env() -> dict[str, Any]:
    tools = [(name, _installed(name)) for name in ("pip", "setuptools", "wheel")]
    return {
        "python": platform.python_version(),
        "build_dependencies": [f"{name}=={version}" if version else name for name, version in tools],
        "dependencies": [f"-r {REQUIREMENTS}"],
    }


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _given_conda(conda_env: Mapping[str, Any] | str | PathLike[str]) -> dict[str, Any]:
    import yaml

    if isinstance(conda_env, Mapping):
        return dict(conda_env)
    try:
        content = yaml.safe_load(Path(conda_env).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidArgument(f"`conda_env` is a dict or a file of conda: {error}") from None
    if not isinstance(content, Mapping):
        raise InvalidArgument(f"`conda_env`: '{conda_env}' is no file of conda")
    return dict(content)


def _pip_part_of(conda: Mapping[str, Any]) -> list[str]:
    parts = [
        item["pip"] for item in conda.get("dependencies") or () if isinstance(item, Mapping) and "pip" in item
    ]
    return [str(line) for part in parts for line in part]


__all__ = ["CONDA", "CONSTRAINTS", "ENV", "PYTHON_ENV", "REQUIREMENTS", "write_environment"]
