"""Where journals are kept: `RUNNER_JOURNAL_DIR`, else the user's state directory."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
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
    if not os.path.isabs(home):  # a user that the machine does not know
        return spare_folder()
    return Path(home, ".local", "state", "runner", "journal")


def spare_folder() -> Path:
    """Where journals go where nothing can be written there. See `claim_spare_folder` before using it."""
    import tempfile  # takes milliseconds, and most processes need it never

    return Path(tempfile.gettempdir(), f"runner-journal-{os.getuid()}")


def claim_spare_folder() -> Path:
    """The spare directory, made where it is missing.

    Raises PermissionError where it is somebody else's, since everybody may write where it lies, and what is
    in it is sent with the user's credentials; and OSError where it cannot be made.
    """
    path = spare_folder()
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(errno.EPERM, "is not a directory that is this user's alone", str(path))
    return path


def journal_folders(environ: Mapping[str, str] = os.environ) -> list[Path]:
    """The directories in which this user's journals may be."""
    chosen, spare = journal_folder(environ), spare_folder()
    if chosen == spare or not os.path.lexists(spare):
        return [chosen]
    try:
        return [chosen, claim_spare_folder()]
    except OSError:
        return [chosen]


__all__ = ["JOURNAL_DIR", "claim_spare_folder", "journal_folder", "journal_folders", "spare_folder"]
