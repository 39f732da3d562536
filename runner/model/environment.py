"""What a project wants to run in, and what it got."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

EnvironmentKind = Literal["virtualenv", "uv", "conda", "docker", "local"]
ENVIRONMENT_KINDS: tuple[EnvironmentKind, ...] = ("virtualenv", "uv", "conda", "docker", "local")

_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerEnvironment:
    """The `docker_env` of an MLproject. A None value in `environment` is copied from the host."""

    image: str
    volumes: tuple[str, ...] = ()
    environment: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredEnvironment:
    """The environment keys of an MLproject as written: at most one is set.

    Paths are relative to the project's directory. All None: by the files that lie there
    (python_env.yaml, else conda.yaml), else plain Python.
    """

    python_env: str | None = None
    conda_env: str | None = None
    docker_env: DockerEnvironment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSource:
    """A requirement that is a directory or a file on this machine: its content is part of the identity.

    `requirement` is the line as it stands among the requirements, `directory` the absolute path it means.
    An `editable` one is used in place, so its path is part of the identity too.
    """

    requirement: str
    directory: str
    digest: str
    editable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentSpec:
    """What an environment is made from: complete, so that equal specs mean equal environments.

    `python` is a version request (`3.11`, `3.11.7`) or None for `local` and `docker`.
    `requirements` and `build_requirements` are pip requirement lines, with `-r` and `-c` files inlined.
    `files` are (name, text) of files that the builder reads verbatim: conda.yaml, pyproject.toml, uv.lock.
    `directory` is where relative paths in requirements start from; not part of the identity.
    `notes` are sentences for the user on what could not be honoured; not part of the identity.
    """

    kind: EnvironmentKind
    python: str | None = None
    build_requirements: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    local_sources: tuple[LocalSource, ...] = ()
    docker: DockerEnvironment | None = None
    directory: str = ""
    notes: tuple[str, ...] = ()

    def fingerprint(self) -> str:
        """Identity of the environment: 32 hex digits of a SHA-256 over all that it is made from.

        The machine's platform is not in it: the cache that keys by it adds its own. Nor are credentials
        in URLs: a new token makes no other environment.
        """
        content = asdict(self)
        del content["directory"], content["notes"]
        for source in content["local_sources"]:
            if not source["editable"]:
                del source["directory"]
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(_CREDENTIALS.sub("", text).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A built environment: a value that says how to run something in it, never a shell line.

    `prefix_argv` stands before the program's argv (`docker run …`; empty for all others).
    `variables` are set, `path_entries` stand before PATH, `unset` names are removed.
    `lock` is the resolved list of everything in it (one requirement a line), stored with the run.
    """

    kind: EnvironmentKind
    fingerprint: str
    directory: Path | None = None
    python: Path | None = None
    prefix_argv: tuple[str, ...] = ()
    path_entries: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    unset: tuple[str, ...] = ()
    lock: str = ""

    def environ(self, base: Mapping[str, str]) -> dict[str, str]:
        """`base` as a program in this environment shall see it."""
        result = {name: value for name, value in base.items() if name not in self.unset}
        result.update(self.variables)
        if self.path_entries:
            result["PATH"] = ":".join([*self.path_entries, base.get("PATH", "/usr/bin:/bin")])
        return result
