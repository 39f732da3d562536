"""What distinguishes a working tree from its commit: a patch, and the files that git does not know.

The user's repository is only read: index and refs stay as they are. A submodule's changes are taken against
the commit that the superproject records for it, so that work not pushed anywhere is in the patch too.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from runner.model.source import DirtyState, SkippedFile
from runner.sources.git_command import read
from runner.sources.secret_files import holds_secret, is_secret_name
from runner.sources.staging import write_durably
from runner.sources.untracked import archive, content_of, look_at, untracked_paths

PATCH = "dirty.patch"
UNTRACKED = "untracked.tar.gz"
SKIPPED = "skipped.txt"

# Whatever the user configured for reading diffs, `git apply` must understand ours.
_PLAIN = ("--no-renames", "--no-ext-diff", "--no-textconv", "--no-color", "--no-relative", "-O/dev/null")
_HUNKS = ("--unified=3", "--inter-hunk-context=0", "--diff-algorithm=default")

# Filters that store something else in git than what stands in the working tree.
_KEEPERS = frozenset(("lfs", "annex", "git-crypt"))
_GITLINK = "160000"
_SYMLINK = "120000"
_ABSENT = "000000"
_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How large one file, and everything together, may be to be recorded."""

    file_bytes: int = 10 * 1024 * 1024
    total_bytes: int = 50 * 1024 * 1024


def collect(root: Path, *, limits: Limits | None = None) -> DirtyState | None:
    """What is dirty in the repository whose top is `root`; None where nothing is.

    Raises GitFailed, GitMissing. Files that look like secrets, that are too large or that cannot be read
    are listed in `skipped`, not recorded.
    """
    found = _Found(limits=limits or Limits())
    _collect(found, root, "HEAD", prefix="")
    if not (found.patches or found.untracked or found.skipped):
        return None
    return DirtyState(
        patch=b"".join(found.patches),
        untracked=tuple(found.untracked),
        skipped=tuple(sorted(found.skipped, key=lambda file: file.path)),
        digest=_digest(found),
    )


@dataclass(slots=True, kw_only=True)
class _Found:
    limits: Limits
    patches: list[bytes] = field(default_factory=list)
    untracked: list[str] = field(default_factory=list)
    contents: list[str] = field(default_factory=list)
    skipped: list[SkippedFile] = field(default_factory=list)
    bytes_so_far: int = 0

    def skip(self, path: str, reason: str) -> None:
        self.skipped.append(SkippedFile(path=path, reason=reason))

    def reason_against(self, size_bytes: int) -> str | None:
        if size_bytes > self.limits.file_bytes:
            return f"size limit: {size_bytes} bytes, a file may have {self.limits.file_bytes}"
        if self.bytes_so_far + size_bytes > self.limits.total_bytes:
            return f"size limit: {size_bytes} bytes, and all files may have {self.limits.total_bytes}"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """One line of `git diff --raw`."""

    path: str
    old_mode: str
    new_mode: str
    old_id: str


def _collect(found: _Found, repository: Path, base: str, *, prefix: str) -> None:
    changes = list(_changes(repository, base))
    for change in changes:
        if _GITLINK in (change.old_mode, change.new_mode):
            _collect_submodule(found, repository, change, prefix)
    files = [change for change in changes if _GITLINK not in (change.old_mode, change.new_mode)]
    _collect_patch(found, repository, base, files, prefix)
    for path in untracked_paths(repository):
        _collect_untracked(found, repository, path, prefix)


def _changes(repository: Path, base: str) -> Iterator[_Change]:
    listing = read(
        ["diff", "--raw", "-z", "--no-abbrev", *_PLAIN, "--ignore-submodules=none", base, "--"],
        cwd=repository,
        timeout_s=_TIMEOUT_S,
    )
    fields = iter(os.fsdecode(listing).split("\0"))
    for head in fields:
        if not head:
            continue
        old_mode, new_mode, old_id, _, status = head.removeprefix(":").split(" ")
        path = next(fields)
        if status != "U":  # an unmerged path is listed a second time, as what it is
            yield _Change(path=path, old_mode=old_mode, new_mode=new_mode, old_id=old_id)


def _collect_submodule(found: _Found, repository: Path, change: _Change, prefix: str) -> None:
    path = prefix + change.path
    inner = repository / change.path
    if change.old_mode != _GITLINK:
        found.skip(path, "a submodule that the commit does not have")
    elif change.new_mode != _GITLINK:
        found.skip(path, "a submodule that was removed")
    elif not (inner / ".git").exists():
        found.skip(path, "a submodule that is not checked out")
    elif not _has_commit(inner, change.old_id):
        found.skip(path, f"a submodule without its recorded commit {change.old_id}")
    else:
        _collect(found, inner, change.old_id, prefix=f"{path}/")


def _has_commit(repository: Path, commit: str) -> bool:
    kinds = read(["cat-file", "--batch-check"], cwd=repository, stdin=f"{commit}\n".encode())
    return b" commit " in kinds


def _collect_patch(found: _Found, repository: Path, base: str, changes: list[_Change], prefix: str) -> None:
    old_sizes = _blob_sizes(repository, changes)
    elsewhere = _kept_elsewhere(repository, changes)
    kept: list[_Change] = []
    for change in changes:
        reason = elsewhere.get(change.path) or _reason_against_change(found, repository, change, old_sizes)
        if reason is not None:
            found.skip(prefix + change.path, reason)
            continue
        found.bytes_so_far += _larger_size(repository, change, old_sizes)
        kept.append(change)
    if not kept:
        return
    left_out = {change.path for change in changes} - {change.path for change in kept}
    patch = _patch(repository, base, left_out, prefix)
    if holds_secret(patch, "patch"):
        # A file has changed since it was looked at.
        for change in kept:
            found.skip(prefix + change.path, "was being changed, and may hold a secret")
        return
    found.patches.append(patch)


def _patch(repository: Path, base: str, left_out: set[str], prefix: str) -> bytes:
    excluded = [f":(top,exclude,literal){path}" for path in sorted(left_out)]
    return read(
        [
            *("diff", "--binary", "--full-index", *_PLAIN, *_HUNKS, "--ignore-submodules=all"),
            *(f"--src-prefix=a/{prefix}", f"--dst-prefix=b/{prefix}"),
            *(base, "--", ":(top)", *excluded),
        ],
        cwd=repository,
        timeout_s=_TIMEOUT_S,
    )


def _blob_sizes(repository: Path, changes: list[_Change]) -> dict[str, int]:
    wanted = "".join(f"{change.old_id}\n" for change in changes if change.old_mode != _ABSENT)
    if not wanted:
        return {}
    lines = read(["cat-file", "--batch-check"], cwd=repository, stdin=wanted.encode()).decode().splitlines()
    rows = (line.split() for line in lines)
    return {row[0]: int(row[2]) for row in rows if len(row) == 3 and row[1] == "blob"}


def _kept_elsewhere(repository: Path, changes: list[_Change]) -> dict[str, str]:
    """Paths whose content is not in git, with the reason: a patch would only show a stand-in for it."""
    if not changes:
        return {}
    paths = "".join(f"{change.path}\0" for change in changes)
    answers = read(["check-attr", "-z", "--stdin", "filter"], cwd=repository, stdin=os.fsencode(paths))
    fields = os.fsdecode(answers).split("\0")
    filters = dict(zip(fields[0::3], fields[2::3], strict=False))
    return {
        path: f"its content is kept by {name}, not by git"
        for path, name in filters.items()
        if name in _KEEPERS
    }


def _larger_size(repository: Path, change: _Change, old_sizes: dict[str, int]) -> int:
    try:
        new_size = os.lstat(repository / change.path).st_size if change.new_mode != _ABSENT else 0
    except OSError:
        new_size = 0
    return max(new_size, old_sizes.get(change.old_id, 0))


def _reason_against_change(
    found: _Found, repository: Path, change: _Change, old_sizes: dict[str, int]
) -> str | None:
    if is_secret_name(change.path):
        return "secret"
    too_large = found.reason_against(_larger_size(repository, change, old_sizes))
    if too_large is not None:
        return too_large
    if change.old_mode not in (_ABSENT, _SYMLINK):
        # The patch shows what was taken away as well.
        old = read(["cat-file", "blob", change.old_id], cwd=repository)
        if holds_secret(old, change.path):
            return "secret"
    if change.new_mode in (_ABSENT, _SYMLINK):
        return None
    try:
        return "secret" if holds_secret(content_of(repository / change.path), change.path) else None
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"unreadable: {error.strerror}"


def _collect_untracked(found: _Found, repository: Path, path: str, prefix: str) -> None:
    whole = prefix + path
    seen = look_at(repository / path, path, refusal=found.reason_against)
    if seen.refusal is not None:
        found.skip(whole.rstrip("/"), seen.refusal)
        return
    found.bytes_so_far += len(seen.content)
    found.untracked.append(whole)
    found.contents.append(f"{whole}\0{seen.kind} {hashlib.sha256(seen.content).hexdigest()}\0")


def _digest(found: _Found) -> str:
    digest = hashlib.sha256()
    for patch in found.patches:
        digest.update(hashlib.sha256(patch).digest())
    for line in (*found.contents, *(f"{file.path}\0skipped {file.reason}\0" for file in found.skipped)):
        digest.update(os.fsencode(line))
    return digest.hexdigest()


def write_artifacts(dirty: DirtyState, root: Path, into: Path) -> list[Path]:
    """Writes `dirty.patch`, `untracked.tar.gz` and `skipped.txt` into `into`, where non-empty.

    `root` is the top of the repository. Files that have changed since they were collected are looked at
    again: what has become a secret or has gone is left out, and named in `skipped.txt`.
    """
    into.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    skipped = [f"{file.path}: {file.reason}" for file in dirty.skipped]
    if dirty.patch:
        written.append(into / PATCH)
        write_durably(written[-1], dirty.patch)
    if dirty.untracked:
        content, refused = archive(root, dirty.untracked)
        skipped += [f"{path}: {reason}" for path, reason in refused]
        written.append(into / UNTRACKED)
        write_durably(written[-1], content)
    if skipped:
        written.append(into / SKIPPED)
        lines = "".join(f"{_on_one_line(line)}\n" for line in skipped)
        write_durably(written[-1], lines.encode(errors="surrogateescape"))
    return written


def _on_one_line(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
