"""Keeping files that no server can be given now: the journal has copies, sent in order with its lines."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path

from tracking_client.journal.entries import file_line
from tracking_client.journal.journal import Journal
from tracking_client.journal.kept_files import KeptFile
from tracking_client.journal.spool import Spool

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_TRIES = 3


class NoRoom(Exception):
    """The disk, or what the journal may take of it, is full; or there is no place for a journal.

    `kept_count` is how many of the files are kept all the same, the first ones.
    """

    def __init__(self, message: str, *, kept_count: int = 0) -> None:
        super().__init__(message)
        self.kept_count = kept_count


def keep(journal: Journal, kind: bytes, owner_id: str, files: Sequence[tuple[Path, str]]) -> dict[str, str]:
    """Keeps (local file, artifact path) pairs of a run or model; the names of the copies by artifact path.

    When this returns, they survive the death of the process. Raises NoRoom; OSError and ArtifactError for
    the local files, none of which is kept then.
    """
    size_bytes = sum(local_path.stat().st_size for local_path, _ in files)
    for _ in range(_TRIES):
        spool = journal.opened()
        if spool is None:
            raise NoRoom("there is no place for a journal")
        if not journal.has_room_for(size_bytes):
            raise NoRoom(f"{spool.path} is as long as it may get")
        copies = _copied(spool, [local_path for local_path, _ in files])
        left = journal.offer(
            b"".join(
                file_line(kind, owner_id, path, copy.name, copy.size_bytes)
                for (_, path), copy in zip(files, copies, strict=True)
            )
        )
        if left:
            kept_count = len(copies) - left.count(b"\n")
            for copy in copies[kept_count:]:
                spool.files.remove(copy.name)
            raise NoRoom(f"{spool.path} cannot be written", kept_count=kept_count)
        if journal.opened() is spool:
            return {path: copy.name for (_, path), copy in zip(files, copies, strict=True)}
        # The journal was ended meanwhile, as shipped whole, and the copies with it.
    raise NoRoom("the journal was ended again and again")


def _copied(spool: Spool, sources: Sequence[Path]) -> list[KeptFile]:
    copies: list[KeptFile] = []
    try:
        copies.extend(spool.files.keep(source) for source in sources)
    except BaseException as error:
        for copy in copies:
            spool.files.remove(copy.name)
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            raise NoRoom(f"there is no room in {spool.path}") from error
        raise
    return copies


__all__ = ["NoRoom", "keep"]
