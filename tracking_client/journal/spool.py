"""One journal on disk: a directory of segments, how far they are shipped, and what was refused.

    about.json     where it is to be shipped, and who wrote it; never a secret
    lock           held (flock) by whoever writes or ships; free once they are dead
    1.log 2.log …  entries, in order; a segment that is shipped whole is removed
    files/         files that entries speak of (see `kept_files`)
    position       the segment and offset up to which a server has everything
    refused.jsonl  what the server will never take, and why

A directory appears under its name complete and locked, so that nobody takes a new journal for a dead one's.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tracking_client.journal.kept_files import KeptFiles

_LOCK, _ABOUT, _POSITION, _REFUSED = "lock", "about.json", "position", "refused.jsonl"
_NEW, _DONE = ".new-", ".done-"
_REMAINS_AFTER_S = 3600.0
REFUSED_FOLDER = ".refused"
"""Where what servers refused is kept, beside the journals."""
_FORMAT = 2
_READABLE_FORMATS = frozenset({1, 2})
"""1: without files, which a reader of it would take for torn lines."""
_BLOCK_BYTES = 4096


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a journal: the number of a segment and an offset in it, in bytes."""

    segment: int
    offset: int


START = Position(1, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Where a journal is to be shipped, and which process wrote it when (ms since the epoch)."""

    tracking_uri: str
    pid: int
    host: str
    created_ms: int


class Spool:
    """A journal's directory, locked by this object. Safe in threads as far as each method says."""

    def __init__(self, path: Path, about: About, lock: int) -> None:
        self.path = path
        self.about = about
        self.files = KeptFiles(path)
        self._lock = lock
        self._position = self._stored_position()
        self._position_file: int | None = None
        self._is_noted = True

    @classmethod
    def create(cls, folder: Path, tracking_uri: str) -> Spool:
        """A new journal in `folder`. Raises OSError."""
        # They take milliseconds, and a process that does not log needs them never.
        import socket
        import tempfile

        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        about = About(
            tracking_uri=tracking_uri,
            pid=os.getpid(),
            host=socket.gethostname(),
            created_ms=time.time_ns() // 1_000_000,
        )
        made = Path(tempfile.mkdtemp(prefix=_NEW, dir=folder))
        try:
            text = json.dumps({"format": _FORMAT, **asdict(about)}, indent=2)
            (made / _ABOUT).write_text(text + "\n", encoding="utf-8")
            lock = os.open(made / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path = folder / f"{about.created_ms}-{about.pid}-{made.name.removeprefix(_NEW)}"
            made.rename(path)
        except BaseException:
            _remove_tree(made)
            raise
        return cls(path, about, lock)

    @classmethod
    def adopt(cls, path: Path) -> Spool | None:
        """The journal of a dead process, now this one's; None while somebody has it, or where it is gone."""
        try:
            lock = os.open(path / _LOCK, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Whoever had it before may have removed it between our opening and locking.
            still_there = os.stat(path / _LOCK).st_ino == os.fstat(lock).st_ino
            about = read_about(path) if still_there else None
        except (OSError, ValueError, KeyError):
            about = None
        if about is None:
            os.close(lock)
            return None
        return cls(path, about, lock)

    @property
    def position(self) -> Position:
        """Up to where everything is shipped."""
        return self._position

    @property
    def end(self) -> Position:
        """Where the last whole line ends now. Raises OSError."""
        for number in reversed(self.segments()):
            # A segment that is new is empty, and the position stays in the one before.
            if whole := self._whole_bytes(number):
                return max(self._position, Position(number, whole))
        return self._position

    @property
    def unshipped_bytes(self) -> int:
        """How much is still to be shipped, a line that was cut included."""
        return sum(
            self._size(number) - (self._position.offset if number == self._position.segment else 0)
            for number in self.segments()
            if number >= self._position.segment
        )

    @property
    def is_shipped(self) -> bool:
        """Whether no whole line is left to be shipped. Raises OSError."""
        return self._position >= self.end

    def segments(self) -> list[int]:
        """The numbers of the segments that are there, in order."""
        names = (path.name for path in self.path.glob("*.log"))
        return sorted(int(name.removesuffix(".log")) for name in names if name[:-4].isdigit())

    def new_segment(self) -> int:
        """A descriptor that appends to a new segment, after all others. Raises OSError."""
        numbers = self.segments()
        number = max(numbers[-1] if numbers else 0, self._position.segment - 1) + 1
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        return os.open(self.path / f"{number}.log", flags, 0o600)

    def read(self, most_bytes: int, start: Position | None = None) -> tuple[bytes, Position]:
        """Whole lines from `start` on (the position), at most about `most_bytes`, and where they end.

        One line is given however long it is. Nothing at the end. Raises OSError.
        """
        position = start or self._position
        numbers = [number for number in self.segments() if number >= position.segment]
        for number in numbers:
            if number > position.segment:
                position = Position(number, 0)
            is_last = number == numbers[-1]
            text = self._lines(position, most_bytes, is_last=is_last)
            if text:
                return text, Position(number, position.offset + len(text))
        return b"", position

    def _lines(self, position: Position, most_bytes: int, *, is_last: bool) -> bytes:
        with (self.path / f"{position.segment}.log").open("rb") as segment:
            segment.seek(position.offset)
            text = segment.read(most_bytes)
            while text and b"\n" not in text and (more := segment.read(most_bytes)):
                text += more
        end = text.rfind(b"\n") + 1
        if end == 0 and text and not is_last:  # torn, and nothing is appended there any more
            return text + b"\n"
        return text[:end]

    def shipped(self, position: Position) -> None:
        """Notes that a server has everything before `position`, and removes the segments that are done.

        Where a full disk has no room for the note, it is known to this object alone; whoever comes after
        sends some of it again. For the one thread that ships. Raises OSError.
        """
        self._is_noted = True
        try:
            self._note(position)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            self._is_noted = False
        done = [number for number in self.segments() if number < position.segment]
        self._position = position
        for number in done:
            (self.path / f"{number}.log").unlink(missing_ok=True)

    def _note(self, position: Position) -> None:
        if self._position_file is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
            self._position_file = os.open(self.path / _POSITION, flags, 0o600)
        # One write of always the same length: whoever reads it finds the old or the new one.
        os.pwrite(self._position_file, b"%20d %20d\n" % (position.segment, position.offset), 0)

    def sent(self, names: Iterable[str]) -> None:
        """Removes kept files that a server has, after `shipped` was told so.

        Where that could not be noted, or another process has the journal by now, they are to be sent again.
        """
        if self._is_noted and self._lock >= 0:
            for name in names:
                self.files.remove(name)

    def refuse_file(self, name: str) -> Path:
        """Puts a kept file aside that the server will never take; where it is then. Raises OSError."""
        folder = self.path.parent / REFUSED_FOLDER / self.path.name
        if self.files.has(name):
            self.files.move(name, folder)
        return folder / name

    def refuse(self, entry: Mapping[str, Any]) -> None:
        """Keeps what the server will never take. Raises OSError."""
        line = json.dumps(entry).encode() + b"\n"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self.path / _REFUSED, flags, 0o600)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)

    @property
    def has_refused(self) -> bool:
        """Whether something was refused."""
        return (self.path / _REFUSED).exists()

    def finish(self) -> None:
        """Lets go of the journal, and removes it where all is shipped; what was refused stays beside it."""
        if self._lock >= 0 and self.is_shipped:
            with contextlib.suppress(FileNotFoundError):
                kept = self.path.parent / REFUSED_FOLDER
                if self.has_refused:
                    kept.mkdir(exist_ok=True, mode=0o700)
                    (self.path / _REFUSED).replace(kept / f"{self.path.name}.jsonl")
            # Under its name a journal is complete: one that is half removed is nobody's to ship again.
            done = self.path.with_name(f"{_DONE}{self.path.name}")
            with contextlib.suppress(OSError):
                self.path.rename(done)
            _remove_tree(done)
        self.leave()

    def leave(self) -> None:
        """Lets go of the journal: whoever comes next may adopt it. Harmless when done already."""
        lock, self._lock = self._lock, -1
        position_file, self._position_file = self._position_file, None
        for descriptor in (lock, position_file):
            if descriptor is not None and descriptor >= 0:
                with contextlib.suppress(OSError):
                    os.close(descriptor)

    def _stored_position(self) -> Position:
        try:
            segment, offset = (self.path / _POSITION).read_text(encoding="ascii").split()
            return Position(int(segment), int(offset))
        except (OSError, ValueError):  # nothing is shipped yet
            return START

    def _whole_bytes(self, number: int) -> int:
        end = self._size(number)
        with contextlib.suppress(FileNotFoundError), (self.path / f"{number}.log").open("rb") as segment:
            while end:
                start = max(0, end - _BLOCK_BYTES)
                segment.seek(start)
                found = segment.read(end - start).rfind(b"\n") + 1
                if found:
                    return start + found
                end = start
        return 0

    def _size(self, number: int) -> int:
        try:
            return (self.path / f"{number}.log").stat().st_size
        except FileNotFoundError:
            return 0


def read_about(path: Path) -> About:
    """What a journal says of itself. Raises OSError, ValueError and KeyError where it says nothing."""
    found = json.loads((path / _ABOUT).read_text(encoding="utf-8"))
    if not isinstance(found, dict) or found["format"] not in _READABLE_FORMATS:
        raise ValueError(f"{path / _ABOUT}: not a journal of a format up to {_FORMAT}")
    return About(
        tracking_uri=str(found["tracking_uri"]),
        pid=int(found["pid"]),
        host=str(found["host"]),
        created_ms=int(found["created_ms"]),
    )


def remove_remains(folder: Path) -> None:
    """Removes what processes left that died while they made or removed a journal."""
    for prefix, age_s in ((_DONE, 0.0), (_NEW, _REMAINS_AFTER_S)):
        for path in folder.glob(f"{prefix}*"):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime <= time.time() - age_s:
                    _remove_tree(path)


def _remove_tree(path: Path) -> None:
    import shutil

    shutil.rmtree(path, ignore_errors=True)


def all_in(folder: Path) -> list[Path]:
    """The journals in `folder`, oldest first."""
    try:
        paths = [path for path in folder.iterdir() if not path.name.startswith(".") and path.is_dir()]
    except FileNotFoundError:
        return []
    return sorted(paths, key=lambda path: path.name)


__all__ = ["REFUSED_FOLDER", "START", "About", "Position", "Spool", "all_in", "read_about", "remove_remains"]
