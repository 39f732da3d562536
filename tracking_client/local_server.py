"""The server of a local store: found if it runs, started if not, one per store.

The lock file `X.db.lock` is flock'ed by whoever starts the server, on a descriptor that the server
inherits: the lock is held exactly as long as a server of this store starts or runs. `X.db.server` says
where it listens. A discovery file without a held lock is what a killed server left behind: its successor
takes over its port where that is free, and its token (`X.db.token`), so that programs which were given the
address, MLflow's own client among them, go on.

Everything here is safe in threads and between processes, and ends by itself within `DEADLINE_S`.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tracking_client.errors import LocalServerFailed
from tracking_client.tracking_uri import LocalStore

if TYPE_CHECKING:
    import subprocess

DEADLINE_S = 20.0
IDLE_S = 300
IDLE_VARIABLE = "RUNNER_SERVER_IDLE_S"
_FIRST_PAUSE_S = 0.005
_LONGEST_PAUSE_S = 0.05
_DYING_S = 0.3
_LOG_TAIL_LINES = 15
_DISK_FULL_BYTES = 1 << 20

# A server must not take itself for a part of the run that happened to start it.
_NOT_FOR_THE_SERVER = frozenset(
    {
        "MLFLOW_RUN_ID",
        "MLFLOW_TRACKING_URI",
        "MLFLOW_TRACKING_TOKEN",
        "MLFLOW_TRACKING_USERNAME",
        "MLFLOW_TRACKING_PASSWORD",
        "MLFLOW_EXPERIMENT_ID",
        "MLFLOW_EXPERIMENT_NAME",
        "RUNNER_OFFLINE",
        "RUNNER_RUN_ID",
        "RUNNER_STORE_URI",
        "PYTHONINSPECT",
        "PYTHONPROFILEIMPORTTIME",
        "PYTHONSTARTUP",
        "PYTHONVERBOSE",
        "PYTHONWARNINGS",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalServer:
    """Where a store's server listens. `token` None: it admits everybody. It is a secret, out of `repr`."""

    url: str
    token: str | None = field(repr=False)
    pid: int


def ensure(store: LocalStore | Path, *, unreachable: LocalServer | None = None) -> LocalServer:
    """The running server of `store`; started where none runs. Many may call this at once.

    A server that the discovery file names is taken at its word, without a round trip: whoever cannot
    connect to it passes it as `unreachable` and gets one that answers.
    Raises LocalServerFailed where the server does not start, with the end of its log.
    """
    store = store if isinstance(store, LocalStore) else LocalStore.at(store)
    if unreachable is None:
        found = discovered(store)
        if found is not None:
            return found
    return _found_or_started(store)


def discovered(store: LocalStore) -> LocalServer | None:
    """What the store's discovery file says, which may be out of date; None where there is none."""
    try:
        says = json.loads(store.beside(".server").read_bytes())
        token = says["token"]
        return LocalServer(
            url=str(says["url"]), token=None if token is None else str(token), pid=int(says["pid"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _found_or_started(store: LocalStore) -> LocalServer:
    _make_directories(store)
    give_up_at = time.monotonic() + DEADLINE_S
    port = _last_port(store)
    for pause_s in _pauses():
        process = _started_under_lock(store, port)
        if process is not None:
            try:
                return _listening(store, process, give_up_at)
            except LocalServerFailed:
                if not port:
                    raise
                port = 0  # taken by somebody else in the meantime
                continue
        found = discovered(store)
        if found is not None and _answers(found):
            return found
        if time.monotonic() > give_up_at:
            break
        time.sleep(pause_s)
    raise _failure(store, f"another process holds {store.beside('.lock')}, but its server does not answer")


def _started_under_lock(store: LocalStore, port: int) -> subprocess.Popen[bytes] | None:
    """A new server that holds the lock, on that port if it is free; None where another holds the lock."""
    with _lock(store) as lock_fd:
        if lock_fd is None:
            return None
        return _start(store, lock_fd, port if port and _comes_free(port) else 0)


def _last_port(store: LocalStore) -> int:
    """The port that the last server listened on, if it was killed; else 0."""
    left = discovered(store)
    return 0 if left is None else urlsplit(left.url).port or 0


def _comes_free(port: int) -> bool:
    """Whether a port is free, or soon will be: a server that was killed loses its lock before its port."""
    give_up_at = time.monotonic() + _DYING_S
    while not _is_free(port):
        if time.monotonic() > give_up_at:
            return False
        time.sleep(_FIRST_PAUSE_S)
    return True


def _is_free(port: int) -> bool:
    import socket

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _token_file(store: LocalStore) -> Path:
    """The file with the token that every server of this store admits with; made where there is none."""
    path = store.beside(".token")
    if path.exists() and path.stat().st_size:
        return path
    made = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(os.urandom(32).hex())
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)
    return path


def _make_directories(store: LocalStore) -> None:
    try:
        store.artifacts.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LocalServerFailed(
            f"the tracking store {store.database} cannot be made: {error.strerror or error}; "
            "set MLFLOW_TRACKING_URI to a directory or a server that can be written to",
            log_path=store.beside(".server.log"),
        ) from error


@contextlib.contextmanager
def _lock(store: LocalStore) -> Iterator[int | None]:
    """A descriptor that holds the store's lock, or None where another holds it.

    Leaving closes the descriptor only: a server that inherited it keeps the lock.
    """
    import fcntl

    try:
        lock_fd = os.open(store.beside(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _failure(store, f"its lock file cannot be opened: {error.strerror}") from error
    _lock_fds.add(lock_fd)
    try:
        try:
            fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield lock_fd
    finally:
        _lock_fds.discard(lock_fd)
        os.close(lock_fd)


# A process that another thread forks meanwhile would keep the lock for as long as it lives.
_lock_fds: set[int] = set()


def _close_inherited_locks() -> None:
    while _lock_fds:
        os.close(_lock_fds.pop())


os.register_at_fork(after_in_child=_close_inherited_locks)


def _start(store: LocalStore, lock_fd: int, port: int) -> subprocess.Popen[bytes]:
    import subprocess

    idle_s = os.environ.get(IDLE_VARIABLE) or str(IDLE_S)
    argv = [sys.executable, "-m", "tracking_server"]
    argv += ["--backend-store-uri", store.uri, "--artifacts-destination", str(store.artifacts)]
    argv += ["--port", str(port), "--idle-exit-s", idle_s, "--lock-fd", str(lock_fd)]
    try:
        argv += ["--token-file", str(_token_file(store))]
        log = store.beside(".server.log")
        log_fd = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    except OSError as error:  # a full disk, above all
        raise _failure(store, f"its files cannot be written: {error.strerror}") from error
    try:
        process = subprocess.Popen(
            argv,
            cwd="/",  # `-m` looks into the working directory first, and a user's may hold any module
            env=_server_environ(),
            stdin=subprocess.DEVNULL,
            stdout=log_fd,
            stderr=log_fd,
            pass_fds=(lock_fd,),
            start_new_session=True,
        )
    finally:
        os.close(log_fd)
    _forget_ended()
    _started.append(process)
    return process


def _server_environ() -> dict[str, str]:
    environ = {name: value for name, value in os.environ.items() if name not in _NOT_FOR_THE_SERVER}
    home = str(Path(__file__).resolve().parent.parent)
    if not home.endswith(("site-packages", "dist-packages")):
        # A checkout that is used in place is on sys.path, but not necessarily on a new interpreter's.
        environ["PYTHONPATH"] = os.pathsep.join(filter(None, [home, environ.get("PYTHONPATH")]))
    environ["PYTHONSAFEPATH"] = "1"
    return environ


def _listening(store: LocalStore, process: subprocess.Popen[bytes], give_up_at: float) -> LocalServer:
    """The server just started, as soon as it has written where it listens."""
    for pause_s in _pauses():
        found = discovered(store)
        if found is not None and found.pid == process.pid:
            return found
        exit_code = process.poll()
        if exit_code is not None:
            raise _failure(store, f"it ended with exit code {exit_code}")
        if time.monotonic() > give_up_at:
            process.kill()
            process.wait()
            raise _failure(store, f"it did not listen within {DEADLINE_S:g} s")
        time.sleep(pause_s)
    raise AssertionError("pauses do not end")


def _answers(server: LocalServer) -> bool:
    import http.client

    address = urlsplit(server.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=2.0)
    try:
        # Not /health, which any store's server answers: the port may be another's by now.
        headers = {} if server.token is None else {"Authorization": f"Bearer {server.token}"}
        connection.request("GET", "/api/3.0/mlflow/server-info", headers=headers)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _pauses() -> Iterator[float]:
    pause_s = _FIRST_PAUSE_S
    while True:
        yield pause_s
        pause_s = min(pause_s * 1.5, _LONGEST_PAUSE_S)


def _failure(store: LocalStore, what: str) -> LocalServerFailed:
    log_path = store.beside(".server.log")
    try:
        lines = log_path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    tail = "".join(f"\n  {line}" for line in lines[-_LOG_TAIL_LINES:])
    said = f"; its last lines:{tail}" if tail else ""
    if _is_disk_full(store.database.parent):
        # Its log lies on the same disk, so it may well be silent on this.
        what += "; the disk is full"
    return LocalServerFailed(
        f"the tracking server of {store.database} did not start: {what} (log: {log_path}){said}",
        log_path=log_path,
    )


def _is_disk_full(directory: Path) -> bool:
    try:
        disk = os.statvfs(directory)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _DISK_FULL_BYTES


# A server outlives us: its Popen is kept so that the interpreter does not warn of it, and a server that
# ended while we live is reaped at the next start.
_started: list[subprocess.Popen[bytes]] = []


def _forget_ended() -> None:
    _started[:] = [process for process in _started if process.poll() is None]


__all__ = ["LocalServer", "discovered", "ensure"]
