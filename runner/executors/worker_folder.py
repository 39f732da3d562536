"""Where a worker is found: its socket, its key, its log and its reports, in one folder."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import socket
import tempfile
from contextlib import suppress
from pathlib import Path

from runner.executors.messages import KEY_BYTES
from runner.executors.reports import Reports
from runner.lease import Lease

_LONGEST_SOCKET_PATH_BYTES = 100
_SHORT_PLACES = ("/tmp", "/var/tmp")  # noqa: S108  # a new directory there, for this user only


class WorkerFolder:
    """The files of one worker. `path` is readable by its user only."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def reports(self) -> Reports:
        """What became of its runs."""
        return Reports(self.path / "reports")

    @property
    def log_path(self) -> Path:
        """What it printed: nothing, where all is well."""
        return self.path / "worker.log"

    @property
    def lease(self) -> Lease:
        """Held by the worker at work."""
        return Lease(self.path / "worker.lease")

    def make(self) -> None:
        """Makes the folder and the key, where they are missing. Raises OSError."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        with suppress(FileExistsError):
            descriptor = os.open(self._key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(KEY_BYTES))

    def key(self) -> bytes:
        """What a caller must send. Raises OSError."""
        return self._key.read_bytes()

    def listen(self) -> socket.socket:
        """A listening socket at a new address, which is written down. Raises OSError."""
        listening = socket.socket(socket.AF_UNIX)
        try:
            place = self._bound(listening)
            listening.listen()
            draft = self._address.with_suffix(".draft")
            draft.write_bytes(os.fsencode(place))
            os.replace(draft, self._address)
        except BaseException:
            listening.close()
            raise
        return listening

    def _bound(self, listening: socket.socket) -> Path:
        # The kernel's addresses are short, and not every file system has sockets; a directory of our own
        # elsewhere is as private.
        place = self.path / "socket"
        if len(os.fsencode(place)) <= _LONGEST_SOCKET_PATH_BYTES:
            with suppress(OSError):
                place.unlink(missing_ok=True)
                listening.bind(str(place))
                return place
        for folder in (tempfile.gettempdir(), *_SHORT_PLACES):
            with suppress(OSError):
                own = Path(tempfile.mkdtemp(prefix="runner-", dir=folder))
                try:
                    listening.bind(str(own / "socket"))
                except OSError:
                    own.rmdir()
                    raise
                return own / "socket"
        raise OSError(errno.ENAMETOOLONG, "no socket can be made there, nor in a temporary directory")

    def connect(self, timeout_s: float) -> socket.socket | None:
        """A line to the worker, the key already sent; None where none listens."""
        try:
            address = os.fsdecode(self._address.read_bytes())
            line = socket.socket(socket.AF_UNIX)
        except OSError:
            return None
        try:
            line.settimeout(timeout_s)
            line.connect(address)
            line.sendall(self.key())
        except OSError:
            line.close()
            return None
        return line

    def stop_listening(self) -> None:
        """Takes the address away."""
        with suppress(OSError):
            place = Path(os.fsdecode(self._address.read_bytes()))
            self._address.unlink()
            place.unlink(missing_ok=True)
            if place.parent != self.path:
                shutil.rmtree(place.parent, ignore_errors=True)

    @property
    def _key(self) -> Path:
        return self.path / "key"

    @property
    def _address(self) -> Path:
        return self.path / "address"
