"""The sources of a project, frozen: the user goes on editing, trials go on with what the sweep began with."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

from runner.errors import SourceError
from runner.events import Listener, Warned, ignore
from runner.model.source import Checkout, Provenance
from runner.sources.beside import Beside, SnapshotLimits, link_target
from runner.sources.dirty import Limits
from runner.sources.git_command import GitFailed, GitMissing, read
from runner.sources.listing import Listing, list_sources, seen
from runner.sources.provenance import describe
from runner.sources.secret_files import is_secret_name
from runner.sources.staging import staging
from runner.sources.working_copy import copy_file, working_copy

_TURNS = 5
_NAMED = 3


def snapshot(
    checkout: Checkout,
    into: Path,
    *,
    left_out: Collection[Path] = (),
    limits: SnapshotLimits | None = None,
    provenance_limits: Limits | None = None,
    listener: Listener = ignore,
) -> Checkout:
    """The sources of `checkout` as they are now, copied to `into`, which must not exist yet.

    The result's provenance describes what was copied: where files change meanwhile, they are taken again. Its
    `shared_root` is `into`, so that every run gets a `working_copy`. `left_out` are folders that are not part
    of the sources though they may lie among them (the state and the cache of runner itself). What git ignores
    stays reachable (see `runner.sources.beside`). The copy appears whole, by a rename.
    Raises SourceError where it cannot be made, FileExistsError.
    """
    if into.exists():
        raise FileExistsError(f"{into} is there already")
    if checkout.shared_root is not None:
        # Nobody edits what lies in the cache; but the cache may be emptied.
        return replace(working_copy(checkout, into), shared_root=into)
    taking = _Taking(
        checkout=checkout,
        top=checkout.provenance.repository_root or checkout.directory,
        left_out=(*left_out, into.parent),
        limits=limits or SnapshotLimits(),
        provenance_limits=provenance_limits,
        listener=listener,
    )
    for _ in range(_TURNS):
        with staging(into.parent) as stage:
            tree = stage / "tree"
            provenance = taking.take(tree)
            if provenance is not None:
                os.rename(tree, into)
                taking.say_what_is_linked()
                return taking.result(provenance, into)
    raise SourceError(
        f"{taking.top} kept changing while it was copied",
        ref=checkout.provenance.source_name,
        hint="start again when whatever writes there has ended, or let git ignore what it writes",
    )


@dataclass(slots=True, kw_only=True)
class _Taking:
    """The copying of one tree. What it found too large to copy is in `linked`."""

    checkout: Checkout
    top: Path
    left_out: Collection[Path]
    limits: SnapshotLimits
    provenance_limits: Limits | None
    listener: Listener
    linked: list[tuple[str, int]] = field(default_factory=list)

    def take(self, tree: Path) -> Provenance | None:
        """Copies everything to `tree`; None where something changed meanwhile."""
        self.linked = []
        in_git = self.checkout.provenance.repository_root is not None
        try:
            listing = self._listing(in_git=in_git)
            before = list(seen(self.top, listing))
            self._check_size(listing)
            provenance = self._described()
            self._copy_sources(listing, tree)
            if list(seen(self.top, self._listing(in_git=in_git))) != before:
                return None
            Beside(self.top, tree, self.limits).link(listing.beside)
            if in_git and provenance.commit is not None:
                _give_history(self.top, tree, provenance)
            _put_on_disk(tree)
        except (OSError, GitFailed, GitMissing) as error:
            reason = error.output if isinstance(error, GitFailed) else str(error)
            raise SourceError(
                f"could not copy {self.top} to {tree.parent.parent}: {reason}",
                ref=self.checkout.provenance.source_name,
                hint="see that the files can be read, and that the disk has space",
            ) from error
        return provenance

    def result(self, provenance: Provenance, into: Path) -> Checkout:
        in_git = self.checkout.provenance.repository_root is not None
        return Checkout(
            directory=into / self.checkout.directory.relative_to(self.top),
            provenance=replace(provenance, repository_root=into if in_git else None),
            shared_root=into,
        )

    def say_what_is_linked(self) -> None:
        if not self.linked:
            return
        largest = sorted(self.linked, key=lambda item: -item[1])[:_NAMED]
        names = ", ".join(f"{path} ({_in_words(size)})" for path, size in largest)
        more = f" and {len(self.linked) - _NAMED} more" if len(self.linked) > _NAMED else ""
        self.listener(
            Warned(
                message=f"{names}{more}: too large to be copied for each trial, so that all trials read "
                "the file itself; do not change it while the sweep runs"
            )
        )

    def _listing(self, *, in_git: bool) -> Listing:
        return list_sources(self.top, in_git=in_git, left_out=self.left_out)

    def _described(self) -> Provenance:
        known = self.checkout.provenance
        if known.repository_root is None:
            return known
        now = describe(
            self.checkout.directory,
            source_name=known.source_name,
            listener=ignore,  # it has been said when the checkout was made
            limits=self.provenance_limits,
        )
        return now if now.repository_root is not None else known

    def _check_size(self, listing: Listing) -> None:
        sizes: dict[str, int] = {}
        total = 0
        for path in listing.sources:
            size = _size(self.top / path)
            if size <= self.limits.file_bytes:
                total += size
                folder = path.split("/")[0]
                sizes[folder] = sizes.get(folder, 0) + size
        if total <= self.limits.total_bytes and len(listing.sources) <= self.limits.files:
            return
        largest = sorted(sizes.items(), key=lambda item: -item[1])[:_NAMED]
        raise SourceError(
            f"{self.top} is too large to be copied for each trial: {len(listing.sources)} files, "
            f"{_in_words(total)}; most of it: "
            + ", ".join(f"{name} ({_in_words(size)})" for name, size in largest),
            ref=self.checkout.provenance.source_name,
            hint="let git ignore the data (it stays reachable, and is not copied), or keep it elsewhere",
        )

    def _copy_sources(self, listing: Listing, tree: Path) -> None:
        tree.mkdir()
        (tree / self.checkout.directory.relative_to(self.top)).mkdir(parents=True, exist_ok=True)
        folders = {"/".join(path.split("/")[:-1]) for path in listing.sources}
        for folder in sorted(folders):
            (tree / folder).mkdir(parents=True, exist_ok=True)
        for path in listing.sources:
            try:
                self._copy(path, tree)
            except FileNotFoundError:
                continue  # it has gone: the next look tells

    def _copy(self, path: str, tree: Path) -> None:
        place, target = self.top / path, tree / path
        status = os.lstat(place)
        if stat.S_ISLNK(status.st_mode):
            os.symlink(link_target(self.top, path), target)
        elif not stat.S_ISREG(status.st_mode):
            return
        elif status.st_size > self.limits.file_bytes:
            self.linked.append((path, status.st_size))
            os.symlink(place, target)
        elif is_secret_name(path) or not os.access(place, os.R_OK):
            # No further copy of a secret; and what cannot be read here cannot be read there.
            os.symlink(place, target)
        else:
            copy_file(str(place), str(target))


def _give_history(top: Path, tree: Path, provenance: Provenance) -> None:
    # A repository of the copy's own, which borrows the objects: a program may ask git, and harms no other.
    assert provenance.commit is not None
    config = (("protocol.file.allow", "always"), ("safe.directory", str(tree)), ("safe.directory", str(top)))
    scratch = tree.with_name("history")
    try:
        read(
            [
                *("clone", "--quiet", "--shared", "--no-checkout", "--template=", "--origin", "origin"),
                *("--config", "core.checkStat=minimal", "--config", "core.trustctime=false"),
                *("--config", "core.logAllRefUpdates=false"),
                *("--", str(top), str(scratch)),
            ],
            cwd=tree,
            config=config,
        )
        read(["update-ref", "--no-deref", "HEAD", provenance.commit], cwd=scratch, config=config)
        if provenance.repository_url:
            read(["remote", "set-url", "origin", provenance.repository_url], cwd=scratch, config=config)
        # Every trial gets a copy of this, and removes it: what is not needed costs each of them.
        read(["remote", "set-head", "origin", "--delete"], cwd=scratch, config=config)
        read(["pack-refs", "--all"], cwd=scratch, config=config)
        _remove_empty_folders(scratch / ".git", kept=("objects", "refs"))
        os.rename(scratch / ".git", tree / ".git")
        read(["read-tree", provenance.commit], cwd=tree, config=config)
    except (GitFailed, OSError):
        return  # a shallow clone, for one: the sources are there all the same


def _remove_empty_folders(git: Path, *, kept: Collection[str]) -> None:
    for folder, _, _ in os.walk(git, topdown=False):
        if os.path.relpath(folder, git) not in kept and not os.listdir(folder):
            os.rmdir(folder)


def _put_on_disk(tree: Path) -> None:
    # A sweep that is resumed after a loss of power must not run files that have become empty.
    for folder, _, names in os.walk(tree):
        for path in (*(os.path.join(folder, name) for name in names), folder):
            if not os.path.islink(path):
                descriptor = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)


def _size(file: Path) -> int:
    try:
        status = os.lstat(file)
    except OSError:
        return 0
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def _in_words(size_bytes: int) -> str:
    megabytes = size_bytes / 1024**2
    return f"{megabytes / 1024:.1f} GiB" if megabytes >= 1024 else f"{megabytes:.1f} MiB"
