"""What conducting a sweep needs beside its order, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runner.events import Listener
from runner.model.run import Outcome
from runner.model.sweep import Sweep
from runner.sweeping.folder import SweepFolder
from runner.sweeping.ledger import Ledger

if TYPE_CHECKING:
    from runner.recording.recorder import Recorder
    from runner.search.protocol import Searcher
    from runner.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Conductor:
    """What conducting needs beside the order. `searcher_for` makes the engine of a sweep."""

    recorder: Recorder
    settings: Settings
    listener: Listener
    environ: Mapping[str, str]
    cwd: Path
    searcher_for: Callable[[Sweep], Searcher]


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepOutcome:
    """What came of a sweep: its own run's outcome, and where all its trials stand.

    `is_booked`: the tracking server has taken all of its figures.
    """

    run: Outcome
    state: str
    reason: str
    ledger: Ledger
    folder: SweepFolder
    is_booked: bool = True

    def __bool__(self) -> bool:
        """Whether it finished."""
        return bool(self.run)
