"""Who may read the file of a SQLite store."""

from __future__ import annotations

import logging
import stat
from pathlib import Path

_log = logging.getLogger("tracking_server")


def keep_from_others(database: Path | None) -> None:
    """Take from everybody but owner and group what they may do with a store; done before it holds a secret.

    Other databases (None) have rights of their own. A file that belongs to somebody else is left, and logged.
    """
    if database is None:
        return
    for name in (database.name, f"{database.name}-wal", f"{database.name}-shm"):
        file = database.with_name(name)
        try:
            mode = stat.S_IMODE(file.stat().st_mode)
            if mode & stat.S_IRWXO:
                file.chmod(mode & ~stat.S_IRWXO)
        except FileNotFoundError:
            continue
        except OSError as error:
            _log.warning("%s holds secrets and may be read by everybody: %s", file, error.strerror)
