"""Models of servers on this machine, so that loading one again fetches nothing.

An entry is `<key>/`, where the key is a digest of where the model is, of the names and sizes of its files and
of its MLmodel file: they are asked for with each loading, so that a model that was changed is another entry.
`<key>.lock` is held (flock), exclusively by who fetches or removes the entry, shared by the processes that
use it until they end.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from tracking_client.artifact_stores import transfers
from tracking_client.artifact_stores.root import ArtifactRoot
from tracking_client.artifact_stores.temporary import new_directory
from tracking_client.errors import NotFound
from tracking_client.models.mlmodel_file import MLMODEL
from tracking_client.wire.entities import FileInfo

CACHE_DIR = "RUNNER_CACHE_DIR"
"""Where the cache is, in `models/`: the directory that `runner` keeps its environments in."""
MOST_BYTES = "RUNNER_MODEL_CACHE_BYTES"
"""How much the cache may hold; 0 is no cache."""
DEFAULT_MOST_BYTES = 10 << 30

_PATIENCE_S = 5.0  # for another process that has just locked the same entry
_POLL_S = 0.05
_held: dict[str, int] = {}  # the locks of what this process uses, by key
_held_lock = threading.Lock()


def cached(root: ArtifactRoot, identity: str) -> Path:
    """The files of the model at the `root`, fetched where they are not here yet. Nobody may change them.

    `identity` says which server's and which model's files these are. What cannot be cached is fetched into a
    directory that goes with the process. Raises NotFound, ArtifactError, ApiError, TransportError, OSError.
    """
    files = list(transfers.walk(root, ""))
    folder, most_bytes = cache_folder(), _most_bytes()
    size_bytes = sum(entry.file_size or 0 for entry in files)
    if most_bytes < size_bytes or not files or any(entry.file_size is None for entry in files):
        return transfers.download(root, "", new_directory("model-"))
    key = _key(identity, files, _mlmodel(root))
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        entry = _entry(folder, key, root, files, most_bytes)
        if entry is not None:
            return entry
    return transfers.download(root, "", new_directory("model-"))


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the entries are, which may not exist yet (XDG Base Directory Specification)."""
    chosen = environ.get(CACHE_DIR)
    if chosen:
        return Path(os.path.abspath(os.path.expanduser(chosen)), "models")
    base = environ.get("XDG_CACHE_HOME", "")
    above = Path(base) if os.path.isabs(base) else Path(os.path.expanduser("~"), ".cache")
    return above / "runner" / "models"


def _most_bytes(environ: Mapping[str, str] = os.environ) -> int:
    given = environ.get(MOST_BYTES, "").strip()
    return int(given) if given.isascii() and given.isdigit() else DEFAULT_MOST_BYTES


def _key(identity: str, files: list[FileInfo], mlmodel: bytes) -> str:
    listing = sorted((entry.path, entry.file_size) for entry in files)
    described = [identity, listing, hashlib.sha256(mlmodel).hexdigest()]
    return hashlib.sha256(json.dumps(described).encode()).hexdigest()[:40]


def _mlmodel(root: ArtifactRoot) -> bytes:
    directory = new_directory("model-")
    try:
        root.get(MLMODEL, directory / MLMODEL)
        return (directory / MLMODEL).read_bytes()
    except NotFound:
        return b""
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _entry(folder: Path, key: str, root: ArtifactRoot, files: list[FileInfo], most_bytes: int) -> Path | None:
    """The entry, which this process may use until it ends; None where others keep it locked for too long."""
    place = folder / key
    with _held_lock:
        if key in _held and _is_whole(place, files):
            return place
    give_up = time.monotonic() + _PATIENCE_S
    while time.monotonic() < give_up:
        if _is_whole(place, files) and _share(folder, key, files):
            return place
        with _locked(folder, key, fcntl.LOCK_EX) as is_ours:
            if is_ours:
                if not _is_whole(place, files):
                    _fetch(root, folder, key)
                    _make_room(folder, most_bytes)
                continue
        if (folder / f"{key}.part").exists():
            give_up = time.monotonic() + _PATIENCE_S  # somebody fetches it, however long that takes
        time.sleep(_POLL_S)
    return None


def _share(folder: Path, key: str, files: list[FileInfo]) -> bool:
    """Keeps the entry for as long as this process lives, where nobody is removing it."""
    lock = _opened(folder, key)
    if not _locks(folder, key, lock, fcntl.LOCK_SH) or not _is_whole(folder / key, files):
        os.close(lock)
        return False
    with contextlib.suppress(OSError):
        os.utime(folder / key)  # the least recently used go first
    with _held_lock:
        if key in _held:
            os.close(_held[key])
        _held[key] = lock
    return True


@contextlib.contextmanager
def _locked(folder: Path, key: str, how: int) -> Iterator[bool]:
    """Whether the entry could be locked, which it is within."""
    lock = _opened(folder, key)
    try:
        yield _locks(folder, key, lock, how)
    finally:
        os.close(lock)


def _opened(folder: Path, key: str) -> int:
    return os.open(folder / f"{key}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)


def _locks(folder: Path, key: str, lock: int, how: int) -> bool:
    """Whether the file could be locked, and is still the lock: who removes an entry removes its lock too."""
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(lock), (folder / f"{key}.lock").stat())
    except (BlockingIOError, FileNotFoundError):
        return False


def _is_whole(place: Path, files: list[FileInfo]) -> bool:
    try:
        return all((place / entry.path).stat().st_size == entry.file_size for entry in files)
    except OSError:
        return False


def _fetch(root: ArtifactRoot, folder: Path, key: str) -> None:
    """Makes the entry, with the lock held: it appears when it is complete."""
    place, beside = folder / key, folder / f"{key}.part"
    for old in (place, beside):
        shutil.rmtree(old, ignore_errors=True)
    try:
        transfers.download(root, "", beside)
        for file in beside.rglob("*"):
            if file.is_file():
                file.chmod(0o400)  # all who load the model share it
        beside.rename(place)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _make_room(folder: Path, most_bytes: int) -> None:
    """Removes what was not used for the longest time, and is not in use, until the rest is small enough."""
    entries = [path for path in folder.iterdir() if path.is_dir()]
    sizes = {path: _size_bytes(path) for path in entries}
    total_bytes = sum(sizes.values())
    for path in sorted(entries, key=_last_used):
        if total_bytes <= most_bytes:
            return
        if _removed(folder, path.name.partition(".")[0]):
            total_bytes -= sizes[path]


def _last_used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _size_bytes(directory: Path) -> int:
    found = 0
    for file in directory.rglob("*"):
        with contextlib.suppress(OSError):
            found += file.lstat().st_size
    return found


def _removed(folder: Path, key: str) -> bool:
    with _locked(folder, key, fcntl.LOCK_EX) as is_ours:
        if is_ours:
            for path in (folder / key, folder / f"{key}.part"):
                shutil.rmtree(path, ignore_errors=True)
            (folder / f"{key}.lock").unlink(missing_ok=True)
        return is_ours


def _after_fork() -> None:
    global _held_lock  # noqa: PLW0603  # held by a thread that the child does not have
    _held_lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)

__all__ = ["CACHE_DIR", "DEFAULT_MOST_BYTES", "MOST_BYTES", "cache_folder", "cached"]
