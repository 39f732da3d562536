"""What is in the environment of a run, read off the list that `runner` stores with it."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

_PYTHON = re.compile(r"#\s*python\s+(\S+)")
_EXACT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._\-]*)\s*(?:\[[^\]]*\])?\s*===?\s*(\S+)")
_FROM = re.compile(r"([A-Za-z0-9][A-Za-z0-9._\-]*)\s*(?:\[[^\]]*\])?\s*@\s*(\S+)")
_CONDA = re.compile(r"([a-z0-9_.\-]+)-([^-]+)-([^-]+)\.(?:conda|tar\.bz2)")
_DASHES = re.compile(r"[-_.]+")
_DOCKER = "# docker image"


def of(lock: str) -> dict[str, str]:
    """Package by package the version, or where it came from; "python" among them. By name.

    Understood are pip's lines, conda's addresses, and what stands for a container's image.
    """
    lines = [line.strip() for line in lock.splitlines() if line.strip()]
    if lines[:1] == [_DOCKER]:
        names = ("image", "image's identity")
        return dict(zip(names, lines[1:], strict=False))
    found: dict[str, str] = {}
    for line in lines:
        python = _PYTHON.fullmatch(line)
        # Conda's list comes first, then what Python sees, as comments: the first word counts.
        name, version = ("python", python[1]) if python else _package(line.removeprefix("#").strip())
        if name:
            found.setdefault(_DASHES.sub("-", name).lower(), version)
    return dict(sorted(found.items()))


def _package(line: str) -> tuple[str, str]:
    requirement, _, origin = line.partition("  # ")
    exact = _EXACT.fullmatch(requirement.partition(";")[0].strip()) or _FROM.fullmatch(line)
    if exact is not None:
        return exact[1], f"{exact[2]} {origin.strip()}" if origin else exact[2]
    if line.startswith(("http://", "https://", "file://")):
        try:
            file = unquote(urlsplit(line).path).rpartition("/")[2]
        except ValueError:
            return "", ""
        conda = _CONDA.fullmatch(file)
        if conda is not None:
            return conda[1], f"{conda[2]} {conda[3]}"
    return "", ""
