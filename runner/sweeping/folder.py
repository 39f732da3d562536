"""Where sweeps are kept on this machine: a folder each, named after the parent run."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runner.errors import RequestError, suggestion
from runner.lease import STALE_AFTER_S, Lease
from runner.sweeping.journal import Journal
from runner.sweeping.names import JOURNAL_FILE


@dataclass(frozen=True, slots=True)
class SweepFolder:
    """The files of one sweep."""

    path: Path

    @property
    def run_id(self) -> str:
        """The parent run's id."""
        return self.path.name

    @property
    def journal(self) -> Journal:
        """What happened."""
        return Journal(self.path / JOURNAL_FILE)

    @property
    def lease(self) -> Lease:
        """Held by whoever drives the sweep."""
        return Lease(self.path / "sweep.lease")

    @property
    def source(self) -> Path:
        """The sources as they stood when the sweep began."""
        return self.path / "source"

    @property
    def worker(self) -> Path:
        """The folder of the process that performs the trials."""
        return self.path / "worker"

    @property
    def trials(self) -> Path:
        """What trials wrote beside their code, a folder each."""
        return self.path / "trials"

    def is_driven(self) -> bool:
        """Whether a living process drives the sweep now."""
        holder = self.lease.holder()
        if holder is None:
            return False
        alive = None if holder.owner is None else holder.owner.is_alive()
        if alive is not None:
            return alive
        # Another machine's: it touches its lease every few seconds, by a clock that may be a little off.
        with suppress(OSError):
            return time.time() - self.lease.path.stat().st_mtime < 2 * STALE_AFTER_S
        return False


def sweeps_folder(state_dir: Path) -> Path:
    """Where the folders of all sweeps are."""
    return state_dir / "sweeps"


def sweep_folder(state_dir: Path, run_id: str) -> SweepFolder:
    """The folder of the sweep with this parent run."""
    return SweepFolder(sweeps_folder(state_dir) / run_id)


def sweep_folders(state_dir: Path) -> Iterator[SweepFolder]:
    """Every sweep of this machine, the latest first."""
    place = sweeps_folder(state_dir)
    try:
        names = os.listdir(place)
    except OSError:
        return
    folders = [SweepFolder(place / name) for name in names]
    yield from sorted(filter(_has_begun, folders), key=_began, reverse=True)


def find_sweep(state_dir: Path, wanted: str) -> SweepFolder:
    """The sweep whose parent run's id is `wanted`, or begins with it. Raises RequestError."""
    known = list(sweep_folders(state_dir))
    matches = [folder for folder in known if folder.run_id.startswith(wanted)] if wanted else []
    if len(matches) == 1:
        return matches[0]
    ids = [folder.run_id for folder in known]
    if matches:
        raise RequestError(f"several sweeps begin with {wanted!r}", hint=", ".join(f.run_id for f in matches))
    meant = suggestion(wanted, ids)
    raise RequestError(
        f"no sweep {wanted!r} was run on this machine",
        hint=f"did you mean {meant}?" if meant else "`runner sweep list` shows those that were",
    )


def _has_begun(folder: SweepFolder) -> bool:
    try:
        return (folder.path / JOURNAL_FILE).stat().st_size > 0
    except OSError:
        return False


def _began(folder: SweepFolder) -> float:
    try:
        return (folder.path / "source").stat().st_ctime
    except OSError:
        return folder.path.stat().st_ctime
