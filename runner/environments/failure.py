"""How a build fails: said well, and said once to all who waited for it."""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runner.environments.builder import log_tail
from runner.environments.entry import Entry
from runner.errors import EnvironmentBuildError, ProvisionError

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def report_failure(entry: Entry, error: ProvisionError | OSError, builder: str, log_path: Path) -> None:
    """Raises `error` as what it means, and keeps it for those who wait for this build."""
    if isinstance(error, OSError) and error.errno not in _DISK_FULL:
        raise error
    fault = error if isinstance(error, ProvisionError) else disk_full(entry.root, builder, log_path)
    if isinstance(fault, EnvironmentBuildError) and _is_disk_full(log_path):
        fault = disk_full(entry.root, builder, log_path)
    with suppress(OSError):
        content = {"token": secrets.token_hex(4), "message": str(fault), "hint": fault.hint}
        content["log_path"] = str(log_path)
        _write_whole(entry.directory / "failure.json", json.dumps(content))
    if fault is error:
        raise fault
    raise fault from error


def last_failure(entry: Entry) -> bytes | None:
    """The record of the last failed build; compared to see whether one failed since."""
    try:
        return (entry.directory / "failure.json").read_bytes()
    except OSError:
        return None


def same_failure(entry: Entry, builder: str) -> EnvironmentBuildError:
    """The error for one who waited for a build that failed: to build again would fail again."""
    value: dict[str, str | None] = {}
    with suppress(ValueError):
        value = json.loads(last_failure(entry) or b"{}")
    log_path = value.get("log_path")
    return EnvironmentBuildError(
        value.get("message") or "the build that was waited for failed",
        builder=builder,
        log_path=Path(log_path) if log_path else None,
        hint=value.get("hint"),
    )


def _write_whole(path: Path, text: str) -> None:
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    try:
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def cache_faults(root: Path, builder: str) -> Iterator[None]:
    """Inside, an OSError of the cache itself is raised as an EnvironmentBuildError."""
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise disk_full(root, builder, None) from error
        raise EnvironmentBuildError(
            f"the environment cache {root} cannot be used: {error}",
            builder=builder,
            hint="RUNNER_CACHE_DIR chooses another directory",
        ) from error


def _is_disk_full(log_path: Path) -> bool:
    tail = log_tail(log_path, lines=40)
    words = ("No space left on device", "Disk quota exceeded", "os error 28)", "os error 122)")
    return any(word in tail for word in words)


def disk_full(root: Path, builder: str, log_path: Path | None) -> EnvironmentBuildError:
    """The error for a build that ran out of space or quota."""
    free = "unknown"
    with suppress(OSError):
        free = f"{shutil.disk_usage(root).free / 2**20:.0f} MiB"
    return EnvironmentBuildError(
        f"the disk is full: the environment could not be built in {root} ({free} free there now)",
        builder=builder,
        log_path=log_path,
        hint="`runner env prune` removes unused environments; RUNNER_CACHE_DIR chooses another directory; "
        "the installer's own cache may lie on another disk",
    )
