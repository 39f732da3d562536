"""Sweeps that ended before they were over, and where each one stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.errors import RequestError, RunnerError
from runner.manifest.sweeps.record import sweep_from
from runner.model.sweep import Sweep
from runner.sweeping.entries import Began, Entry
from runner.sweeping.folder import SweepFolder, sweep_folders
from runner.sweeping.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSweep:
    """A sweep of this machine, as its journal has it."""

    folder: SweepFolder
    began: Began
    ledger: Ledger

    @property
    def state(self) -> str:
        """running, interrupted (whoever drove it died), finished, stopped or failed."""
        if self.folder.is_driven():
            return "running"
        finished = self.ledger.finished
        return "interrupted" if finished is None else finished.state

    @property
    def reason(self) -> str:
        """A sentence on how it ended; empty while it runs."""
        return "" if self.ledger.finished is None else self.ledger.finished.reason


def read_sweep(folder: SweepFolder) -> KeptSweep:
    """The sweep in a folder. Raises RequestError where its journal cannot be read."""
    return kept_sweep(folder, folder.journal.read())


def kept_sweep(folder: SweepFolder, entries: Sequence[Entry]) -> KeptSweep:
    """The sweep that a folder's journal tells of. Raises RequestError where that makes no sense."""
    try:
        began, sweep = began_of(entries)
        return KeptSweep(folder=folder, began=began, ledger=Ledger(sweep, entries))
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise RequestError(
            f"{folder.journal.path} makes no sense: {error!r}",
            hint="it was changed by something else, or written by a later version of runner",
        ) from None


def began_of(entries: Sequence[Entry]) -> tuple[Began, Sweep]:
    """The first entry of a journal, and the sweep that it describes."""
    began = entries[0]
    assert isinstance(began, Began)
    return began, sweep_from(began.name, began.sweep)


def interrupted_like(state_dir: Path, fingerprint: str) -> KeptSweep | None:
    """The latest sweep of the same declaration and code whose driver died before it was over, or None."""
    for folder in sweep_folders(state_dir):
        try:
            kept = read_sweep(folder)
        except RunnerError:
            continue
        if kept.began.fingerprint == fingerprint:
            return kept if kept.state == "interrupted" else None
    return None
