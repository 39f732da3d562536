"""A zip archive, local or from the web, unpacked in the cache under the digest of its content.

Nothing of an archive is trusted: names that lead elsewhere, links and devices are refused, and sizes are
counted while unpacking, not read from its headers.
"""

from __future__ import annotations

import hashlib
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from runner.errors import SourceError
from runner.events import Listener
from runner.model.source import Checkout, Provenance, SourceRef
from runner.sources import pristine
from runner.sources.inside import inside
from runner.sources.progress import announced
from runner.sources.staging import staging

_CHUNK_BYTES = 256 * 1024
_MANIFEST = "mlproject"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    """What an archive may hold. `ratio` (unpacked to packed) counts only beyond `harmless_bytes`."""

    packed_bytes: int = 2 * 1024**3
    unpacked_bytes: int = 8 * 1024**3
    harmless_bytes: int = 64 * 1024**2
    ratio: int = 200
    entries: int = 200_000


def fetch_archive(
    ref: SourceRef,
    *,
    cache_root: Path,
    listener: Listener,
    timeout_s: float,
    limits: ArchiveLimits | None = None,
) -> Checkout:
    """The archive at `ref`, unpacked. A single folder at its top that holds the project is entered.

    Raises SourceError where it cannot be had, is no zip, or would do harm. Safe against concurrent callers.
    """
    bounds = limits or ArchiveLimits()
    store = cache_root / "sources" / "archives"
    with staging(store) as stage, announced(listener, f"fetching {ref.display}"):
        if ref.location.startswith(("http://", "https://", "HTTP://", "HTTPS://")):
            from runner.sources.download import download

            file = stage / "archive.zip"
            digest = download(ref.location, file, timeout_s=timeout_s, limit_bytes=bounds.packed_bytes)
        else:
            file = Path(ref.location)
            digest = _digest(file, ref)

        def build(tree: Path, _: Path) -> pristine.Facts:
            unpack(file, tree, display=ref.display, limits=bounds)
            return {}

        try:
            tree, _ = pristine.ensure(store / digest, build, timeout_s=timeout_s)
        except OSError as error:
            raise SourceError(f"{ref.display} could not be unpacked: {error}", ref=ref.display) from error
    top = _entered(tree, ref.subdirectory)
    return Checkout(
        directory=inside(top, ref),
        shared_root=tree,
        provenance=Provenance(
            source_name=ref.display + (f"#{ref.subdirectory}" if ref.subdirectory else ""),
            subdirectory=ref.subdirectory,
            content_digest=digest,
        ),
    )


def _digest(file: Path, ref: SourceRef) -> str:
    digest = hashlib.sha256()
    try:
        with file.open("rb") as opened:
            while chunk := opened.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise SourceError(f"{ref.display} cannot be read: {error.strerror}", ref=ref.display) from None
    return digest.hexdigest()


def _entered(tree: Path, subdirectory: str) -> Path:
    """`tree`, or the single folder in it where that is the project's, as code hosts pack a repository."""
    folders = list(tree.iterdir())
    if len(folders) != 1 or not folders[0].is_dir():
        return tree
    if subdirectory:
        return tree if (tree / subdirectory).is_dir() else folders[0]
    holds_project = any(entry.name.lower() == _MANIFEST for entry in folders[0].iterdir())
    return folders[0] if holds_project else tree


def unpack(file: Path, tree: Path, *, display: str, limits: ArchiveLimits) -> None:
    """Unpacks the zip `file` into the new folder `tree`. Raises SourceError about `display`."""
    tree.mkdir()
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            if len(entries) > limits.entries:
                raise SourceError(f"{display} holds more than {limits.entries} files", ref=display)
            for entry in entries:
                _check(entry, display)
            budget = _Budget(display=display, limits=limits, packed_bytes=file.stat().st_size)
            for entry in entries:
                _unpack_entry(archive, entry, tree, budget)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise SourceError(f"{display} is not a zip archive that can be read: {error}", ref=display) from None


def _check(entry: zipfile.ZipInfo, display: str) -> None:
    # `filename` has been made harmless by the library; what the archive says is in `orig_filename`.
    name = entry.orig_filename
    parts = PurePosixPath(name.replace("\\", "/")).parts
    drive = len(name) > 1 and name[1] == ":"
    if not parts or name.startswith(("/", "\\")) or drive or ".." in parts or "\x00" in name:
        raise SourceError(f"{display} holds {name!r}, which leads out of it: refused", ref=display)
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        what = "a symbolic link" if kind == stat.S_IFLNK else "a special file"
        raise SourceError(
            f"{display} holds {what}, {name!r}: refused",
            ref=display,
            hint="name the git repository instead, or pack the files themselves",
        )
    if entry.flag_bits & 0x1:
        raise SourceError(f"{display} is encrypted ({name!r})", ref=display)


@dataclass(slots=True, kw_only=True)
class _Budget:
    display: str
    limits: ArchiveLimits
    packed_bytes: int
    unpacked_bytes: int = 0

    def spend(self, size_bytes: int) -> None:
        self.unpacked_bytes += size_bytes
        if self.unpacked_bytes > self.limits.unpacked_bytes:
            raise SourceError(
                f"{self.display} unpacks to more than {self.limits.unpacked_bytes} bytes: refused",
                ref=self.display,
            )
        harmless = max(self.limits.harmless_bytes, self.limits.ratio * self.packed_bytes)
        if self.unpacked_bytes > harmless:
            raise SourceError(
                f"{self.display} unpacks to more than {self.limits.ratio} times its size: refused",
                ref=self.display,
            )


def _unpack_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, tree: Path, budget: _Budget) -> None:
    target = tree.joinpath(*PurePosixPath(entry.filename).parts)
    if entry.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with archive.open(entry) as packed, target.open("xb") as file:
            _copy(packed, file, budget)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise SourceError(
            f"{budget.display} holds {entry.filename!r} twice: refused", ref=budget.display
        ) from None
    if (entry.external_attr >> 16) & 0o100:
        target.chmod(target.stat().st_mode | 0o111)


def _copy(packed: IO[bytes], file: IO[bytes], budget: _Budget) -> None:
    while chunk := packed.read(_CHUNK_BYTES):
        budget.spend(len(chunk))
        file.write(chunk)
