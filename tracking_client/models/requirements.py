"""What must be installed for a model: pins of what is installed here, read in milliseconds.

The installed distributions' own metadata is what an environment's lock is made of, so that the pins are the
lock's: a version (PEP 440), or the commit or archive that pip installed from (PEP 610).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib import metadata
from os import PathLike
from pathlib import Path

from tracking_client.errors import InvalidArgument
from tracking_client.models.mlmodel_file import FORMAT_VERSION

_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
# What logs the model is no part of it: MLflow, whose format it has, loads it without us.
_NOT_NEEDED = frozenset({"mlflow", "mlflow-skinny", "mlflow-tracing", "runner"})
_OURS = frozenset({"tracking_client", "tracking_server"})


def pinned(distributions: Iterable[str], modules: Iterable[str]) -> list[str]:
    """Sorted pins of the distributions, where they are installed, and of those that the modules come from."""
    homes = _homes()
    names = {*distributions, *(home for module in modules for home in homes.get(module, ()))}
    return _pins({_normal(name) for name in names} - _NOT_NEEDED)


def pinned_below(requirements: Iterable[str]) -> list[str]:
    """Sorted pins of all that is installed here because the requirements need it: their constraints."""
    seen: set[str] = set()
    waiting = {name for line in requirements if (name := name_of(line))} - _NOT_NEEDED
    while waiting:
        name = waiting.pop()
        seen.add(name)
        waiting |= _needs(name) - seen - _NOT_NEEDED
    return [pin for pin in _pins(seen) if "==" in pin]  # a constraint may have no URL


def of_no_distribution(modules: Iterable[str]) -> set[str]:
    """The modules that no installed distribution brings: whoever loads the model will not have them."""
    homes = _homes()
    return {module for module in modules if module not in homes and module not in _NOT_NEEDED | _OURS}


def mlflow_pin() -> str:
    """MLflow as it is installed here, or the version whose format is written: tools that serve need it."""
    return f"mlflow=={_version('mlflow') or FORMAT_VERSION}"


def with_mlflow(requirements: list[str]) -> list[str]:
    """The requirements, with MLflow before them where it is not among them."""
    if any(name_of(line) in ("mlflow", "mlflow-skinny") for line in requirements):
        return requirements
    return [mlflow_pin(), *requirements]


def given_requirements(requirements: Iterable[str] | str | PathLike[str], argument: str) -> list[str]:
    """Requirements of a list or of a file, without comments. Raises InvalidArgument."""
    if isinstance(requirements, (str, PathLike)):
        file = Path(requirements)
        if not file.is_file():
            raise InvalidArgument(f"`{argument}` is a list or a file of requirements: no file '{file}'")
        lines: list[object] = list(file.read_text(encoding="utf-8").splitlines())
    else:
        lines = list(requirements)
    wrong = [line for line in lines if not isinstance(line, str) or "\n" in line]
    if wrong:
        raise InvalidArgument(f"`{argument}` holds single lines of requirements, not {wrong[0]!r:.100}")
    texts = (re.sub(r"(^|\s)#.*", "", str(line)).strip() for line in lines)
    return [text for text in texts if text]


def name_of(requirement: str) -> str:
    """The distribution that a line of requirements names, in its normal form; "" for an option or a URL."""
    found = _NAME.match(requirement)
    return _normal(found[1]) if found else ""


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _pins(names: Iterable[str]) -> list[str]:
    return sorted(pin for name in names if (pin := _pin(name)))


def _pin(name: str) -> str | None:
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
    return _pin_of_origin(name, found) or f"{name}=={found.version}"


def _pin_of_origin(name: str, found: metadata.Distribution) -> str | None:
    """The commit or the archive that it was installed from. A local directory is nothing to pin."""
    try:
        origin = json.loads(found.read_text("direct_url.json") or "{}")
        url, vcs, archive = origin.get("url", ""), origin.get("vcs_info"), origin.get("archive_info")
    except (ValueError, AttributeError):
        return None
    if url.startswith("file:") or "@" in url.partition("://")[2].partition("/")[0]:
        return None  # a URL with credentials must not travel
    if isinstance(vcs, Mapping) and vcs.get("commit_id"):
        return f"{name} @ {vcs.get('vcs', 'git')}+{url}@{vcs['commit_id']}"
    return f"{name} @ {url}" if url and isinstance(archive, Mapping) else None


def _needs(name: str) -> set[str]:
    """What a distribution requires, leaving its extras aside."""
    try:
        lines = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return set()
    return {name_of(line) for line in lines if "extra ==" not in line.partition(";")[2]} - {""}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


@lru_cache(maxsize=1)
def _homes() -> Mapping[str, list[str]]:
    return metadata.packages_distributions()


__all__ = [
    "given_requirements",
    "mlflow_pin",
    "name_of",
    "of_no_distribution",
    "pinned",
    "pinned_below",
    "with_mlflow",
]
