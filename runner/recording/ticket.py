"""A promise, on disk, that a run will be closed: whoever is to close it may die at any moment.

A ticket is written before its run exists and removed after its run is closed. One whose owner is dead, or
whose end could not be told to the server, is redeemed by `runner.recording.lost_runs`.
"""

from __future__ import annotations

import errno
import json
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from runner.model.run import RunStatus
from runner.owner import Owner

_FORMAT_VERSION = 1
_DRAFT = ".tmp"
_DRAFT_ABANDONED_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a run ended: what is to be told to the server."""

    status: RunStatus
    exit_code: int | None
    reason: str
    ended_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """An open run. `run_id` is None until the server has named it; the run bears the tag `runner.ticket`."""

    path: Path
    ticket_id: str
    tracking_uri: str
    owner: Owner
    run_id: str | None = None
    experiment_id: str | None = None
    log_path: Path | None = None
    ending: Ending | None = None

    @classmethod
    def write(cls, folder: Path, *, tracking_uri: str, run_id: str | None = None) -> Ticket:
        """A new ticket of this process, on disk when the call returns. Raises OSError where it cannot be."""
        ticket_id = uuid.uuid4().hex
        ticket = cls(
            path=folder / f"{ticket_id}.json",
            ticket_id=ticket_id,
            tracking_uri=tracking_uri,
            owner=Owner.current(),
            run_id=run_id,
        )
        ticket.save()
        return ticket

    def with_run(self, *, run_id: str, experiment_id: str, log_path: Path) -> Ticket:
        """The ticket once its run exists, saved if there is space: else the run is found by its tag."""
        ticket = replace(self, run_id=run_id, experiment_id=experiment_id, log_path=log_path)
        with suppress(OSError):
            ticket.save()
        return ticket

    def with_ending(self, ending: Ending) -> Ticket:
        """The ticket of a run whose end the server does not know yet, saved. Raises OSError."""
        ticket = replace(self, ending=ending)
        ticket.save()
        return ticket

    def save(self) -> None:
        """Puts the ticket on disk, whole or not at all. Raises OSError; what was there then stays."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self.path.with_suffix(f".{os.getpid()}{_DRAFT}")
        content = json.dumps(self._as_json()).encode()
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                if file.write(content) != len(content):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(draft))
                os.fsync(descriptor)
            os.replace(draft, self.path)
        except BaseException:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise

    def redeem(self) -> None:
        """Removes the ticket: its run is closed."""
        self.path.unlink(missing_ok=True)

    def _as_json(self) -> dict[str, object]:
        ending = self.ending
        return {
            "version": _FORMAT_VERSION,
            "ticket_id": self.ticket_id,
            "tracking_uri": self.tracking_uri,
            "owner": self.owner.as_json(),
            "run_id": self.run_id,
            "experiment_id": self.experiment_id,
            "log_path": str(self.log_path) if self.log_path else None,
            "ending": ending
            and {
                "status": ending.status.value,
                "exit_code": ending.exit_code,
                "reason": ending.reason,
                "ended_at_ms": ending.ended_at_ms,
            },
        }

    @classmethod
    def read(cls, path: Path) -> Ticket | None:
        """The ticket at `path`, or None where there is none (any more) or it is not one."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            owner = Owner.of(data["owner"])
            if data["version"] != _FORMAT_VERSION or owner is None:
                return None
            ending = data["ending"]
            return cls(
                path=path,
                ticket_id=data["ticket_id"],
                tracking_uri=data["tracking_uri"],
                owner=owner,
                run_id=data["run_id"],
                experiment_id=data["experiment_id"],
                log_path=Path(data["log_path"]) if data["log_path"] else None,
                ending=ending
                and Ending(
                    status=RunStatus(ending["status"]),
                    exit_code=ending["exit_code"],
                    reason=ending["reason"],
                    ended_at_ms=ending["ended_at_ms"],
                ),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None


def open_tickets(folder: Path) -> Iterator[Ticket]:
    """All readable tickets in `folder`, in no particular order."""
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        if name.endswith(".json"):
            ticket = Ticket.read(folder / name)
            if ticket is not None:
                yield ticket


def remove_abandoned_drafts(folder: Path) -> None:
    """Removes what was left of tickets by those who were killed while they wrote them."""
    with suppress(OSError):
        for name in os.listdir(folder):
            if name.endswith(_DRAFT):
                draft = folder / name
                with suppress(OSError):
                    if time.time() - draft.stat().st_mtime > _DRAFT_ABANDONED_S:
                        draft.unlink()
