"""The requirement lines of a specification as an installer on this machine is to read them.

Local paths become absolute, local packages are copied to the staging directory first: an installation leaves
nothing in the user's sources, and two installations of different states of one directory cannot mix.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from runner.local_source import counted_files
from runner.model.environment import EnvironmentSpec, LocalSource

# Builds that ask git for a version, or read what lies beside the directory, work only where it stands.
_BOUND_TO_ITS_PLACE = re.compile(
    r"setuptools[_-]scm|setuptools-git|hatch-vcs|versioneer|versioningit|dunamai|poetry-dynamic-versioning"
    r"|\bpbr\b|tool\.pdm\.version|tool\.uv\.sources|tool\.uv\.workspace|\.\./|source\s*=\s*[\"']vcs[\"']"
)


@dataclass(slots=True)
class InstallPlan:
    """Files and variables for an installer. `installed_from` says which source a path stands for.

    `rebuild` is whether a local package is built where it stands, so that no cached build may be taken.
    """

    variables: dict[str, str] = field(default_factory=dict)
    installed_from: dict[str, LocalSource] = field(default_factory=dict)
    rebuild: bool = False

    def lines(self, requirements: Iterable[str]) -> list[str]:
        """The lines with their local paths replaced."""
        replaced = {source.requirement: path for path, source in self.installed_from.items()}
        return [_with_path(line, replaced.get(line)) for line in requirements]


def plan_installation(spec: EnvironmentSpec, staging: Path, *, project: Path | None = None) -> InstallPlan:
    """Copies the local sources of `spec` below `staging` and says where everything is now."""
    plan = InstallPlan()
    for number, source in enumerate(spec.local_sources):
        directory = Path(source.directory)
        path = directory
        if directory.is_dir() and not source.editable and not source.requirement.startswith("--"):
            if _is_bound(directory):
                plan.rebuild = True
            else:
                path = staging / "sources" / str(number) / _plain_name(directory)
                _copy(directory, path, project)
        plan.installed_from[str(path)] = source
    return plan


def _plain_name(directory: Path) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", directory.name) or "source"


def _is_bound(directory: Path) -> bool:
    for name in ("pyproject.toml", "setup.py", "setup.cfg"):
        try:
            text = (directory / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if _BOUND_TO_ITS_PLACE.search(text):
            return True
    return False


def _copy(directory: Path, to: Path, project: Path | None) -> None:
    for name in counted_files(directory, project=project):
        target = to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copy2(directory / name, target, follow_symlinks=False)
        except (FileNotFoundError, IsADirectoryError):
            continue  # deleted meanwhile, or a submodule that was not checked out


def _with_path(line: str, path: str | None) -> str:
    if path is None:
        return line
    location = f"file://{quote(path)}"
    if line.startswith("--"):
        option, _, _ = line.partition(" ")
        return f"{option} {location if option != '--find-links' or _is_special(path) else path}"
    editable, text = ("-e ", line[3:]) if line.startswith("-e ") else ("", line)
    marker = re.search(r"\s;.*$", text)
    text = text[: marker.start()] if marker else text
    named = re.match(r"^([A-Za-z0-9._-]+)\s*(\[[^\]]*\])?\s*@", text)
    extras = re.search(r"\[[^\]/]*\]$", text)
    if named:
        result = f"{named[1]}{named[2] or ''} @ {location}"
    else:
        result = f"{location if _is_special(path) else path}{extras[0] if extras else ''}"
    return f"{editable}{result}{marker[0] if marker else ''}"


def _is_special(path: str) -> bool:
    return re.search(r"[^A-Za-z0-9._/+@-]", path) is not None


def write_private(path: Path, lines: Iterable[str]) -> Path:
    """Writes lines to a file that nobody else can read: index URLs may hold credentials."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
    return path


def split_for_uv(lines: Iterable[str]) -> tuple[list[str], Mapping[str, str]]:
    """Lines that uv reads from a file, and variables for the options that it does not."""
    kept: list[str] = []
    hosts: list[str] = []
    variables: dict[str, str] = {}
    for line in lines:
        option, _, value = line.partition(" ")
        if option == "--trusted-host":
            hosts.append(value)
        elif option == "--pre":
            variables["UV_PRERELEASE"] = "allow"
        elif option != "--prefer-binary":
            kept.append(line)
    if hosts:
        variables["UV_INSECURE_HOST"] = " ".join(hosts)
    return kept, variables
