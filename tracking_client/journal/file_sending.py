"""Sending the files that a journal keeps: artifacts of runs, and files of logged models."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from tracking_client import checks
from tracking_client.client import TrackingClient
from tracking_client.errors import ArtifactError, ServerFault, TrackingError
from tracking_client.journal.entries import MODEL_FILE, Entry
from tracking_client.journal.refusal import FAULT, Refusal, is_lasting
from tracking_client.journal.spool import Spool
from tracking_client.transport import Transport

if TYPE_CHECKING:
    from tracking_client.artifact_stores.root import ArtifactRoot

ATTEMPT_S = 300.0
"""How long one request may take: a server may have to bring a large file somewhere else before it answers."""
_FILE = re.compile(rb"^[fg]\t", re.MULTILINE)
_MOST_TOGETHER = 32
_MOST_BYTES_TOGETHER = 64 << 20


class FileSender:
    """Sends kept files by the way that artifacts go, to where the server says that their run's are.

    What is sent twice has the effect of once: a file takes the place of one of its name. Keeps the state of
    uploads in parts, so that the same sender goes on where a connection broke. Used by one thread.
    """

    def __init__(self, transport: Transport) -> None:
        apart = transport.apart(ATTEMPT_S, max_retries=0)
        self._client = TrackingClient(transport.target_uri, transport=apart)
        self._model_roots: dict[str, ArtifactRoot] = {}

    def send(self, spool: Spool, entries: Sequence[Entry], *, is_stuck: bool) -> list[Refusal]:
        """Sends the files of entries in order, several at once; those that the server will never take.

        Where it `is_stuck`, having failed many times, also those for which a server that answers otherwise
        always fails. Raises TransportError, ApiError, ArtifactError and OSError for what may succeed later.
        """
        from tracking_client.artifact_stores.threads import run_all

        refused: list[Refusal] = []
        # Of two files of one name the last is the one that stays.
        last = {(each.kind, each.run_id, json.loads(each.payload).get("path")): each for each in entries}
        run_all([partial(self._send, spool, each, refused, is_stuck) for each in last.values()])
        return refused

    def _send(self, spool: Spool, entry: Entry, refused: list[Refusal], is_stuck: bool) -> None:
        try:
            told = KeptEntry.of(entry)
            local_path = spool.files.path(told.kept)
            if not local_path.exists():
                raise _Gone(f"{local_path} is gone, and was not sent", uri=str(local_path))
            self._root(entry).put(local_path, told.path)
        except TrackingError as error:
            if not self._is_refusal(error, entry, is_stuck):
                raise
            refused.append(Refusal(entry=entry, error=error))

    def _is_refusal(self, error: TrackingError, entry: Entry, is_stuck: bool) -> bool:
        if isinstance(error, _Gone) or (is_lasting(error) and error.error_code != "ENDPOINT_NOT_FOUND"):
            return True
        if not is_stuck:
            return False
        if isinstance(error, ArtifactError):
            return not error.retryable
        if isinstance(error, ServerFault) and error.status == FAULT:
            self._ask_for_owner(entry)  # raises where the server has trouble with everything
            return True
        return False

    def _root(self, entry: Entry) -> ArtifactRoot:
        if entry.kind != MODEL_FILE:
            return self._client.artifact_root(entry.run_id)
        if entry.run_id not in self._model_roots:
            self._model_roots[entry.run_id] = self._client.model_artifact_root(entry.run_id)
        return self._model_roots[entry.run_id]

    def _ask_for_owner(self, entry: Entry) -> None:
        if entry.kind == MODEL_FILE:
            self._client.get_logged_model(entry.run_id)
        else:
            self._client.get_run(entry.run_id)


@dataclass(frozen=True, slots=True)
class KeptEntry:
    """What the line of a file says: the artifact's path, and the name and length of its copy."""

    path: str
    kept: str
    size_bytes: int

    @classmethod
    def of(cls, entry: Entry) -> KeptEntry:
        """Raises InvalidArgument for a path that leads out of the artifacts."""
        told = json.loads(entry.payload)
        size_bytes = told.get("size_bytes")
        return cls(
            path=checks.artifact_path(str(told.get("path"))),
            kept=str(told.get("kept")),
            size_bytes=size_bytes if isinstance(size_bytes, int) else 0,
        )


class _Gone(ArtifactError):
    """Somebody removed a file from the journal."""


def first_files(text: bytes) -> bytes:
    """Of whole lines those that are sent together: some files, or else what comes before the first one.

    Files are noted as sent a few at a time, so that whoever goes on after a death sends few of them again.
    """
    first = _FILE.search(text)
    if first is None:
        return text
    if first.start() > 0:
        return text[: first.start()]
    end, size_bytes = 0, 0
    for _ in range(_MOST_TOGETHER):
        after = text.find(b"\n", end) + 1
        size_bytes += _size_bytes(text[end:after])
        if end and size_bytes > _MOST_BYTES_TOGETHER:
            break
        end = after
        if _FILE.match(text, end) is None:
            break
    return text[:end]


def _size_bytes(line: bytes) -> int:
    try:
        return int(json.loads(line.rpartition(b"\t")[2])["size_bytes"])
    except (ValueError, KeyError, TypeError):  # a line that was cut
        return 0


__all__ = ["FileSender", "KeptEntry", "first_files"]
