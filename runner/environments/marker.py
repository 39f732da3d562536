"""What says that an environment is ready: a file that appears whole, after everything else.

Format 1: a JSON object with `format`, `prefix`, `created_at`, `environment`, `described`.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from runner.model.environment import ENVIRONMENT_KINDS, Environment

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """A ready environment. `created_at` is in seconds since 1970, `described` is for people."""

    prefix: Path
    created_at: float
    environment: Environment
    described: Mapping[str, str]

    def text(self) -> str:
        """The content of the file."""
        environment = self.environment
        return json.dumps(
            {
                "format": FORMAT,
                "prefix": str(self.prefix),
                "created_at": self.created_at,
                "described": dict(self.described),
                "environment": {
                    "kind": environment.kind,
                    "fingerprint": environment.fingerprint,
                    "python": str(environment.python) if environment.python else None,
                    "path_entries": list(environment.path_entries),
                    "variables": dict(environment.variables),
                    "unset": list(environment.unset),
                    "lock": environment.lock,
                },
            },
            indent=1,
        )


def read_marker(path: Path, *, check_python: bool = True) -> Marker | None:
    """The marker at `path`; None where there is none, or what is there cannot be trusted.

    A marker is trusted if it is whole, of this format, speaks of a directory beside itself (the cache has
    not been moved: scripts hold absolute paths) and the Python it names exists (not looked
    for without `check_python`: it may be another machine's).
    """
    try:
        value = json.loads(path.read_bytes())
        if value["format"] != FORMAT:
            return None
        prefix = Path(value["prefix"])
        stored = value["environment"]
        if stored["kind"] not in ENVIRONMENT_KINDS:
            return None
        environment = Environment(
            kind=stored["kind"],
            fingerprint=str(stored["fingerprint"]),
            directory=prefix,
            python=Path(stored["python"]) if stored["python"] else None,
            path_entries=tuple(map(str, stored["path_entries"])),
            variables={str(name): str(text) for name, text in stored["variables"].items()},
            unset=tuple(map(str, stored["unset"])),
            lock=str(stored["lock"]),
        )
        created_at = float(value["created_at"])
        described = {str(name): str(text) for name, text in value["described"].items()}
        if prefix.parent != path.parent:
            return None
        if not (environment.python if environment.python and check_python else prefix).exists():
            return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return Marker(
        prefix=prefix,
        created_at=created_at,
        environment=replace(
            environment, variables={**environment.variables, **announcement(path, stored["kind"])}
        ),
        described=described,
    )


def announcement(path: Path, kind: str) -> dict[str, str]:
    """What tells a child process which environment it runs in."""
    return {"RUNNER_ENVIRONMENT": str(path), "RUNNER_ENVIRONMENT_KIND": kind}


def publish(path: Path, marker: Marker) -> bool:
    """Makes `path` appear with the marker's content; returns False where one is there already."""
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(marker.text())
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(beside, path)
        except FileExistsError:
            return False
        except OSError:  # no hard links here: the last one wins, which is as good
            os.replace(beside, path)
        sync_directory(path.parent)
        return True
    finally:
        beside.unlink(missing_ok=True)


def sync_directory(directory: Path) -> None:
    """Makes the names in `directory` survive a loss of power."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some network file systems refuse; they sync on close
    finally:
        os.close(descriptor)
