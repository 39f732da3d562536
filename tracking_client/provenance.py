"""Where a run comes from, as far as one can tell for nothing: user, script, commit."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from tracking_client.wire import names

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


def default_tags(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The tags that MLflow sets on every run it starts. No process is started, no repository is searched."""
    script = sys.argv[0] if sys.argv and sys.argv[0] else "<console>"
    tags = {
        names.USER: environ.get("MLFLOW_TRACKING_USERNAME") or user_name(environ),
        names.SOURCE_NAME: script,
        names.SOURCE_TYPE: "LOCAL",
    }
    commit = commit_of(Path(script)) if os.path.isfile(script) else None
    if commit is not None:
        tags[names.GIT_COMMIT] = commit
    return tags


def user_name(environ: Mapping[str, str] = os.environ) -> str:
    """The name of who runs this, "unknown" where there is none."""
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        if environ.get(variable):
            return environ[variable]
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        return "unknown"


def commit_of(script: Path) -> str | None:
    """The commit checked out where `script` is, read from git's files; None outside a repository.

    Format: gitrepository-layout(5); packed-refs is "<sha> <ref>" a line.
    """
    for directory in Path(os.path.abspath(script)).parents:
        git = directory / ".git"
        try:
            if git.is_dir():
                return _head(git)
            if git.is_file():  # a worktree or a submodule
                return _head(directory / git.read_text().strip().removeprefix("gitdir: "))
        except (OSError, UnicodeDecodeError):
            return None
    return None


def _head(git: Path) -> str | None:
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref: "):
        return head if _COMMIT.fullmatch(head) else None
    ref = head.removeprefix("ref: ")
    common = git / "commondir"
    roots = [git, git / common.read_text().strip()] if common.is_file() else [git]
    for root in roots:
        loose = root / ref
        if loose.is_file():
            commit = loose.read_text().strip()
            return commit if _COMMIT.fullmatch(commit) else None
    packed = roots[-1] / "packed-refs"
    lines = packed.read_text().splitlines() if packed.is_file() else []
    return next((line[: -len(ref)].strip() for line in lines if line.endswith(f" {ref}")), None)


__all__ = ["commit_of", "default_tags", "user_name"]
