"""Where journals are kept: `RUNNER_JOURNAL_DIR`, else the user's state directory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

JOURNAL_DIR = "RUNNER_JOURNAL_DIR"


def journal_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The directory that journals are in, which may not exist yet (XDG Base Directory Specification)."""
    chosen = environ.get(JOURNAL_DIR)
    if chosen:
        return Path(os.path.abspath(chosen))
    state = environ.get("XDG_STATE_HOME")
    if state and os.path.isabs(state):
        return Path(state, "runner", "journal")
    home = os.path.expanduser("~")
    return Path(home, ".local", "state", "runner", "journal")


def spare_folder() -> Path:
    """Where journals go where nothing can be written there."""
    return Path(tempfile.gettempdir(), f"runner-journal-{os.getuid()}")


__all__ = ["JOURNAL_DIR", "journal_folder", "spare_folder"]
