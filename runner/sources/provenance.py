"""Which code a local directory holds: asked of git in three short calls on a clean tree."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from runner.events import Listener, Warned
from runner.model.source import Provenance
from runner.sources import dirty
from runner.sources.credentials import display_url
from runner.sources.git_command import GitFailed, GitMissing, ask, read
from runner.sources.untracked import is_tracking_store


@dataclass(frozen=True, slots=True, kw_only=True)
class _Status:
    commit: str | None
    branch: str | None
    dirty: bool


def describe(
    directory: Path, *, source_name: str, listener: Listener, limits: dirty.Limits | None = None
) -> Provenance:
    """The provenance of `directory` as it is now. Never fails: what cannot be known is None, with a warning.

    `directory` is an absolute path with links resolved. Outside a repository, and where git ignores the
    directory, there is no commit to name.
    """
    unknown = Provenance(source_name=source_name)
    try:
        return _describe(directory, unknown, listener, limits)
    except GitMissing:
        if any((folder / ".git").exists() for folder in (directory, *directory.parents)):
            listener(Warned(message="git is not on PATH: the run is recorded without its commit"))
    except GitFailed as error:
        listener(
            Warned(
                message=f"git cannot say which commit {directory} is at, the run is recorded without: "
                f"{_first_line(error.output)}"
            )
        )
    return unknown


def _describe(
    directory: Path, unknown: Provenance, listener: Listener, limits: dirty.Limits | None
) -> Provenance:
    root = _root(directory)
    if root is None:
        return unknown
    subdirectory = "" if directory == root else directory.relative_to(root).as_posix()
    if subdirectory and ask(["check-ignore", "--quiet", "--", subdirectory], cwd=root).returncode == 0:
        return unknown
    status = _status(root)
    if status.commit is None:
        listener(Warned(message=f"the repository {root} has no commit yet: the run is recorded without one"))
    return Provenance(
        source_name=unknown.source_name,
        commit=status.commit,
        branch=status.branch,
        repository_url=remote_url(root),
        repository_root=root,
        subdirectory=subdirectory,
        submodule_commits=tuple(_submodules(root, "")),
        dirty=dirty.collect(root, limits=limits) if status.dirty and status.commit is not None else None,
    )


def _root(directory: Path) -> Path | None:
    done = ask(["rev-parse", "--show-toplevel"], cwd=directory)
    if done.returncode == 0:
        # Exactly one newline is git's own.
        return Path(os.fsdecode(done.stdout[:-1]))
    message = os.fsdecode(done.stderr)
    if "not a git repository" in message or "must be run in a work tree" in message:
        return None
    raise GitFailed(done.returncode, message)


def _status(root: Path) -> _Status:
    listing = read(
        [
            *("status", "--porcelain=v2", "--branch", "-z", "--untracked-files=normal"),
            *("--ignore-submodules=none", "--no-renames", "--no-ahead-behind"),
        ],
        cwd=root,
        timeout_s=120.0,
    )
    commit, branch, is_dirty = None, None, False
    for entry in os.fsdecode(listing).split("\0"):
        if entry.startswith("# branch.oid "):
            value = entry.removeprefix("# branch.oid ")
            commit = None if value == "(initial)" else value
        elif entry.startswith("# branch.head "):
            value = entry.removeprefix("# branch.head ")
            branch = None if value == "(detached)" else value
        elif entry and not entry.startswith("# "):
            untracked = entry.removeprefix("? ") if entry.startswith("? ") else None
            is_dirty = is_dirty or untracked is None or not is_tracking_store(untracked)
    return _Status(commit=commit, branch=branch, dirty=is_dirty)


def remote_url(root: Path) -> str | None:
    """The URL of `origin`, else of the first remote, without credentials; None where there is none."""
    listing = ask(["config", "-z", "--get-regexp", r"^remote\..*\.url$"], cwd=root).stdout
    urls: dict[str, str] = {}
    for entry in os.fsdecode(listing).split("\0"):
        key, newline, url = entry.partition("\n")
        if newline:
            urls.setdefault(key, display_url(url))
    return urls.get("remote.origin.url") or next(iter(urls.values()), None)


def _submodules(root: Path, prefix: str) -> list[tuple[str, str]]:
    if not (root / ".gitmodules").is_file():
        return []
    listing = os.fsdecode(read(["ls-files", "--stage", "-z"], cwd=root))
    found: list[tuple[str, str]] = []
    for entry in listing.split("\0"):
        head, _, path = entry.partition("\t")
        if head.startswith("160000") and (root / path / ".git").exists():
            commit = read(["rev-parse", "HEAD"], cwd=root / path).decode().strip()
            found += [(prefix + path, commit), *_submodules(root / path, f"{prefix}{path}/")]
    return found


def _first_line(output: str) -> str:
    return next((line for line in output.splitlines() if line.strip()), "it failed")
