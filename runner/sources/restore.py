"""A recorded dirty tree, made again on top of a checkout of its commit."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import SourceError
from runner.sources.dirty import PATCH, UNTRACKED
from runner.sources.git_command import GitFailed, read

if TYPE_CHECKING:
    from tarfile import TarFile, TarInfo


def restore(root: Path, recorded: Path) -> None:
    """Applies what `write_artifacts` wrote into the folder `recorded` to the clean checkout at `root`.

    Submodules must be checked out at the commits of the superproject. Raises SourceError where the patch
    does not fit, or where the archive would write outside of `root`.
    """
    patch, untracked = recorded / PATCH, recorded / UNTRACKED
    if patch.exists():
        try:
            read(
                ["apply", "--binary", "--whitespace=nowarn", "--no-ignore-whitespace", str(patch.resolve())],
                cwd=root,
                config=(("apply.ignoreWhitespace", "no"),),
                timeout_s=300.0,
            )
        except GitFailed as error:
            raise SourceError(
                f"the recorded patch does not fit the checkout {root}: {error.output}", ref=str(patch)
            ) from None
    if untracked.exists():
        _unpack(untracked, root)


def _unpack(archive: Path, root: Path) -> None:
    import tarfile

    with tarfile.open(archive, "r:gz", encoding="utf-8", errors="surrogateescape") as tar:
        for member in tar:
            target = root / member.name
            if not _may_write(target, member.name, root) or not (member.isreg() or member.issym()):
                raise SourceError(f"{archive} would write outside of {root}", ref=str(archive))
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                _put(tar, member, target)
            except OSError as error:
                raise SourceError(
                    f"{target} cannot be restored: {error.strerror}", ref=str(archive)
                ) from error


def _put(tar: TarFile, member: TarInfo, target: Path) -> None:
    if member.issym():
        os.symlink(member.linkname, target)
        return
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, member.mode)
    content = tar.extractfile(member)
    with open(descriptor, "wb") as file:
        file.write(content.read() if content is not None else b"")


def _may_write(target: Path, name: str, root: Path) -> bool:
    if name.startswith("/") or ".." in name.split("/") or ".git" in name.split("/"):
        return False
    top = root.resolve()
    folder = target.parent.resolve()
    return folder == top or top in folder.parents
