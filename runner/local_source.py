"""The identity of a directory that a project installs from: a digest of the files that count.

Within a git repository those are the tracked files and, of the untracked ones that are not ignored, source
files and what lies in a Python package: what a program writes (models, plots, a tracking store) must not
make a new environment for every run. Unchanged tracked files are not read, since git's index knows their
content. Elsewhere all files count but what tools leave behind. The same content gives the same digest,
committed or not, in a clone or in an archive.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from runner.process import ToolTimeout, capture

_LEFTOVERS = frozenset(
    {
        *("__pycache__", ".git", ".hg", ".svn", "build", "dist", "node_modules", ".venv", "venv"),
        *("mlruns", "mlartifacts", "mlruns.db", "mlruns.db-wal", "mlruns.db-shm", "mlruns.db-journal"),
    }
)
_LEFTOVER_SUFFIXES = (".pyc", ".pyo", ".egg-info", ".dist-info")
_BUILD_FILES = frozenset({"pyproject.toml", "setup.py", "setup.cfg", "MANIFEST.in", "CMakeLists.txt"})
_EXTENSION_SOURCES = (".c", ".cc", ".cpp", ".cxx", ".h", ".hpp", ".pyx", ".pxd", ".rs", ".f", ".f90", ".cu")
_SOURCES = (*_EXTENSION_SOURCES, ".py", ".pyi", ".toml", ".cfg", ".in", ".cmake", ".proto", ".jinja")
_GITLINK = 0o160000


def directory_digest(directory: Path, *, project: Path | None = None, editable: bool = False) -> str:
    """64 hex digits that change when what an installation from `directory` depends on changes.

    A `project` that lies below `directory` is left out: its code is run where it stands. So are hidden
    directories at the top. For an `editable` installation only what is read at installation counts:
    build files and the sources of extension modules.
    """
    entries = _entries(directory)
    inside = _relative_inside(project, directory)
    digest = hashlib.sha256()
    for name in sorted(entries):
        if not _counts(name, inside, editable=editable):
            continue
        digest.update(name.encode(errors="surrogateescape") + b"\0" + entries[name].encode() + b"\n")
    return digest.hexdigest()


def counted_files(directory: Path, *, project: Path | None = None) -> list[str]:
    """The relative paths of the files that `directory_digest` covers, sorted."""
    inside = _relative_inside(project, directory)
    return [name for name in sorted(_entries(directory)) if _counts(name, inside, editable=False)]


def _entries(directory: Path) -> dict[str, str]:
    entries = _from_git(directory)
    return dict(_from_walk(directory)) if entries is None else entries


def file_digest(path: Path) -> str:
    """64 hex digits over the content of an archive."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def listing_digest(directory: Path) -> str:
    """64 hex digits over the names and sizes of the archives that `--find-links` may choose from."""
    digest = hashlib.sha256()
    for entry in sorted(os.scandir(directory), key=lambda entry: entry.name):
        if entry.is_file():
            digest.update(f"{entry.name}\0{entry.stat().st_size}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def _relative_inside(project: Path | None, directory: Path) -> str | None:
    if project is None:
        return None
    try:
        relative = project.resolve().relative_to(directory.resolve()).as_posix()
    except ValueError:
        return None
    return None if relative == "." else relative + "/"


def _counts(name: str, excluded: str | None, *, editable: bool) -> bool:
    if excluded is not None and name.startswith(excluded):
        return False
    first, _, rest = name.partition("/")
    if rest and first.startswith("."):
        return False
    if editable:
        last = name.rpartition("/")[2]
        return last in _BUILD_FILES or last.endswith(_EXTENSION_SOURCES)
    return True


def _from_git(directory: Path) -> dict[str, str] | None:
    """Relative path -> mode and git's object id; None outside a work tree or without git."""
    git = ("git", "-C", str(directory))
    try:
        index = capture([*git, "ls-files", "-s", "-z"], timeout_s=120)
        if index.returncode != 0:
            return None
        changed = capture([*git, "ls-files", "-m", "-o", "--exclude-standard", "-z"], timeout_s=120)
        if changed.returncode != 0:
            return None
    except (FileNotFoundError, ToolTimeout):
        return None
    entries: dict[str, str] = {}
    for record in os.fsdecode(index.stdout).split("\0"):
        if record:
            description, _, name = record.partition("\t")
            mode, object_id, _ = description.split(" ")
            entries[name] = f"{mode} {object_id}"
    if not entries:
        return None
    algorithm = "sha256" if len(next(iter(entries.values())).split(" ")[1]) == 64 else "sha1"
    names = [name for name in os.fsdecode(changed.stdout).split("\0") if name]
    packages = {name.rpartition("/")[0] for name in (*entries, *names) if name.endswith("/__init__.py")}
    for name in names:
        if name not in entries and not _is_new_source(name, packages):
            continue
        entry = _entry(directory / name, algorithm)
        if entry is not None:
            entries[name] = entry
        elif int(entries.get(name, "0").split(" ")[0], 8) != _GITLINK:
            entries.pop(name, None)
    return entries


def _from_walk(directory: Path) -> Iterator[tuple[str, str]]:
    for parent, directories, files in os.walk(directory):
        directories[:] = sorted(name for name in directories if not _is_leftover(name))
        base = Path(parent)
        links = [name for name in directories if (base / name).is_symlink()]
        for name in [*files, *links]:
            if _is_leftover(name):
                continue
            entry = _entry(base / name, "sha1")
            if entry is not None:
                yield (base / name).relative_to(directory).as_posix(), entry


def _is_new_source(name: str, packages: set[str]) -> bool:
    """Whether an untracked file is a part of the package, and no leftover or output."""
    if _is_leftover(name):
        return False
    return name.endswith(_SOURCES) or name.rpartition("/")[0] in packages


def _is_leftover(name: str) -> bool:
    return any(part in _LEFTOVERS or part.endswith(_LEFTOVER_SUFFIXES) for part in name.split("/"))


def _entry(path: Path, algorithm: str) -> str | None:
    """Mode and object id as git would give them; None for what is neither file nor link."""
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            target = os.fsencode(os.readlink(path))
            return f"120000 {_object_id(algorithm, len(target), [target])}"
        if not stat.S_ISREG(status.st_mode):
            return None
        mode = "100755" if status.st_mode & stat.S_IXUSR else "100644"
        with path.open("rb") as file:
            return f"{mode} {_object_id(algorithm, status.st_size, iter(lambda: file.read(1 << 20), b''))}"
    except OSError:
        return None


def _object_id(algorithm: str, size_bytes: int, chunks: Iterable[bytes]) -> str:
    digest = hashlib.new(algorithm, b"blob %d\0" % size_bytes, usedforsecurity=False)
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()
