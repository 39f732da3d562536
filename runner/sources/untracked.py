"""Files that git neither tracks nor ignores: found, looked at, packed."""

from __future__ import annotations

import gzip
import io
import os
import re
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from runner.sources.git_command import read
from runner.sources.secret_files import holds_secret, is_secret_name

# Our own records and MLflow's, which stand beside the project by default: not part of the code. Beside the
# database are its journals (`-wal`), and of the server of it the address, the token, the lock and the log.
_TRACKING_STORE = re.compile(r"mlruns|mlartifacts|mlruns\.db([.-].*)?", re.DOTALL)
_LISTING_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An untracked file: why it is not recorded (None: it is), what it is, and its bytes or link target."""

    refusal: str | None = None
    kind: str = ""
    content: bytes = b""


def untracked_paths(repository: Path) -> list[str]:
    """Paths within `repository` of untracked files that git does not ignore, sorted.

    One with a `/` at its end is a repository of its own. Raises GitFailed, GitMissing.
    """
    question = ["ls-files", "--others", "--exclude-standard", "-z"]
    listing = read(question, cwd=repository, timeout_s=_LISTING_TIMEOUT_S)
    return sorted(path for path in os.fsdecode(listing).split("\0") if path and not is_tracking_store(path))


def is_tracking_store(path: str) -> bool:
    """Whether the path within a repository belongs to a tracking server's default store."""
    return any(_TRACKING_STORE.fullmatch(part) for part in path.split("/"))


def look_at(file: Path, path: str, *, refusal: Callable[[int], str | None] | None = None) -> Seen:
    """What stands at `file`. `refusal` gives the reason against a size in bytes, if there is one."""
    if path.endswith("/"):
        return Seen(refusal="a git repository of its own")
    if is_secret_name(path):
        return Seen(refusal="secret")
    try:
        status = os.lstat(file)
        if stat.S_ISLNK(status.st_mode):
            return Seen(kind="link", content=os.fsencode(os.readlink(file)))
        if not stat.S_ISREG(status.st_mode):
            return Seen(refusal="not a regular file")
        too_large = refusal(status.st_size) if refusal is not None else None
        if too_large is not None:
            return Seen(refusal=too_large)
        content = content_of(file)
    except OSError as error:
        return Seen(refusal=f"unreadable: {error.strerror}")
    if holds_secret(content, path):
        return Seen(refusal="secret")
    return Seen(kind="program" if status.st_mode & 0o100 else "file", content=content)


def content_of(file: Path) -> bytes:
    """The bytes of a regular file; a link or pipe that took its place is not followed or waited for."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with open(descriptor, "rb") as opened:
        return opened.read()


def archive(root: Path, paths: Iterable[str]) -> tuple[bytes, list[tuple[str, str]]]:
    """A gzipped tar of `paths` (relative to `root`), and those left out with the reason.

    The same files give the same bytes: no times, owners or umasks are in it, only the executable bit.
    """
    import tarfile

    refused: list[tuple[str, str]] = []
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", fileobj=packed, mode="wb", mtime=0) as zipped,
        tarfile.open(
            fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT, encoding="utf-8", errors="surrogateescape"
        ) as tar,
    ):
        for path in paths:
            seen = look_at(root / path, path)
            if seen.refusal is not None:
                refused.append((path, seen.refusal))
                continue
            member = tarfile.TarInfo(path)
            member.mode = 0o755 if seen.kind == "program" else 0o644
            if seen.kind == "link":
                member.type, member.linkname = tarfile.SYMTYPE, os.fsdecode(seen.content)
                tar.addfile(member)
            else:
                member.size = len(seen.content)
                tar.addfile(member, io.BytesIO(seen.content))
    return packed.getvalue(), refused
