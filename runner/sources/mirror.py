"""A bare repository in the cache for each origin, which only ever grows.

No git process writes into a mirror. Each fetch goes into a folder of its own that borrows the mirror's
objects; what it brought is then moved in: packs first (an index last of all), the table of refs at the end,
each by one rename. So a killed fetch leaves no lock and no half pack behind, two at once do no harm, and
objects that were once there stay for the checkouts that borrow them.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner.events import Listener
from runner.lease import lease
from runner.sources.git_command import GitFailed, ask, read, work
from runner.sources.origin import Origin
from runner.sources.progress import announced
from runner.sources.staging import staging, write_durably

EVERYTHING = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_REF_LINE = re.compile(r"([0-9a-f]{40,64})\t(\S.*)")
_HEAD_LINE = re.compile(r"ref: refs/heads/(\S.*)\tHEAD")
_MANY_PACKS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Refs:
    """Full names of refs -> commits (annotated tags peeled), and the default branch if it is known."""

    commits: Mapping[str, str] = field(default_factory=dict)
    default_branch: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """The mirror of `origin` at `path`. Thread- and process-safe."""

    origin: Origin
    path: Path
    listener: Listener
    timeout_s: float

    @classmethod
    def of(cls, origin: Origin, *, cache_root: Path, listener: Listener, timeout_s: float) -> Mirror:
        """The mirror in `cache_root`; nothing is made or fetched yet."""
        path = cache_root / "sources" / "mirrors" / origin.key
        return cls(origin=origin, path=path, listener=listener, timeout_s=timeout_s)

    @property
    def exists(self) -> bool:
        """Whether anything was ever fetched."""
        return (self.path / "HEAD").is_file()

    @property
    def trust(self) -> tuple[tuple[str, str], ...]:
        """Configuration that lets git work in a mirror whose folder belongs to another user."""
        return (("safe.directory", str(self.path)),)

    def has_commit(self, commit: str) -> bool:
        """Whether the commit with that full id is here."""
        question = ["cat-file", "-e", f"{commit}^{{commit}}"]
        return self.exists and ask(question, cwd=self.path, config=self.trust).returncode == 0

    def commits_starting_with(self, prefix: str) -> tuple[str, ...]:
        """The ids of all commits here that an abbreviated id can mean, sorted."""
        if not self.exists:
            return ()
        ids = read(["rev-parse", f"--disambiguate={prefix}"], cwd=self.path, config=self.trust)
        kinds = read(["cat-file", "--batch-check"], cwd=self.path, config=self.trust, stdin=ids)
        return tuple(sorted(line.split()[0] for line in kinds.decode().splitlines() if " commit " in line))

    def known_refs(self) -> Refs:
        """The refs as they were when they were last fetched."""
        if not self.exists:
            return Refs()
        listing = read(
            ["for-each-ref", "--format=%(objectname)%09%(refname)%00%(*objectname)%09%(refname)"],
            cwd=self.path,
            config=self.trust,
        )
        head = (self.path / "HEAD").read_text(encoding="utf-8", errors="surrogateescape").strip()
        branch = head.removeprefix("ref: refs/heads/") if head.startswith("ref: ") else None
        commits = _commits(os.fsdecode(listing).replace("\0", "\n"))
        if branch is not None and f"refs/heads/{branch}" in commits:
            commits["HEAD"] = commits[f"refs/heads/{branch}"]
        return Refs(commits=commits, default_branch=branch)

    def remote_refs(self, *further: str) -> Refs:
        """The refs that the origin has now: branches, tags and `further`. Raises GitFailed, GitMissing."""
        patterns = ("HEAD", "refs/heads/*", "refs/tags/*", *further)
        with (
            staging(self.path.parent) as stage,
            announced(self.listener, f"asking {self.origin.display} for its branches"),
        ):
            listing = work(
                ["ls-remote", "--symref", "--", self.origin.url, *patterns],
                cwd=stage,
                log_path=stage / "log",
                access=self.origin.access,
                ssh=self.origin.uses_ssh,
                timeout_s=self.timeout_s,
            )
        branch = next((match[1] for match in map(_HEAD_LINE.fullmatch, listing.splitlines()) if match), None)
        return Refs(commits=_commits(listing), default_branch=branch)

    def fetch(
        self,
        refspecs: Sequence[str],
        *,
        default_branch: str | None,
        is_enough: Callable[[], bool],
        from_local: Path | None = None,
    ) -> None:
        """Brings everything that `refspecs` name, unless `is_enough()` once others have done their fetching.

        `from_local` is another repository of the same history on this machine, asked instead of the origin.
        Raises GitFailed (the mirror is then as before), GitMissing.
        """
        with (
            lease(self.path.with_name(f".{self.origin.key}.lease"), timeout_s=self.timeout_s),
            announced(self.listener, f"fetching {self.origin.display}"),
        ):
            if is_enough():
                return
            with staging(self.path.parent) as stage:
                repository = stage / "repository"
                self._prepare(repository)
                self._fetch_into(repository, str(from_local or self.origin.url), refspecs, stage / "log")
                self._finish(repository, default_branch)
                self._install(repository)
            self._consolidate()

    def _prepare(self, repository: Path) -> None:
        read(["init", "--quiet", "--bare", "--template=", str(repository)], cwd=repository.parent)
        # A shallow mirror is fetched whole again: what it lacks would otherwise be taken for there.
        if self.exists and not (self.path / "shallow").exists():
            borrowed = repository / "objects" / "info" / "alternates"
            borrowed.parent.mkdir(exist_ok=True)
            borrowed.write_bytes(os.fsencode(self.path / "objects") + b"\n")
            if (self.path / "packed-refs").exists():
                shutil.copyfile(self.path / "packed-refs", repository / "packed-refs")

    def _fetch_into(self, repository: Path, url: str, refspecs: Sequence[str], log_path: Path) -> None:
        work(
            [
                *("fetch", "--quiet", "--prune", "--no-tags", "--force", "--update-shallow"),
                *("--no-write-fetch-head", "--no-auto-maintenance", "--", url, *refspecs),
            ],
            cwd=repository,
            log_path=log_path,
            access=self.origin.access,
            config=(("fetch.unpackLimit", "1"), ("transfer.unpackLimit", "1"), *self.trust),
            ssh=self.origin.uses_ssh,
            timeout_s=self.timeout_s,
        )

    def _finish(self, repository: Path, default_branch: str | None) -> None:
        read(["pack-refs", "--all"], cwd=repository, config=self.trust)
        head = f"ref: refs/heads/{default_branch}\n" if default_branch else None
        if head is None and self.exists:
            head = (self.path / "HEAD").read_text(encoding="utf-8", errors="surrogateescape")
        if head is not None:
            write_durably(repository / "HEAD", os.fsencode(head))

    def _install(self, repository: Path) -> None:
        if not self.exists:
            try:
                os.rename(repository, self.path)
                return
            except OSError:
                # Another one came first (the lease could not be had): what we have goes into theirs.
                if not self.exists:
                    raise
        for file in _objects(repository / "objects"):
            place = self.path / file.relative_to(repository)
            place.parent.mkdir(exist_ok=True)
            os.replace(file, place)
        for name in ("shallow", "packed-refs", "HEAD"):
            if (repository / name).exists():
                os.replace(repository / name, self.path / name)
            elif name == "shallow":
                (self.path / name).unlink(missing_ok=True)

    def _consolidate(self) -> None:
        packs = sum(1 for file in (self.path / "objects" / "pack").iterdir() if file.suffix == ".pack")
        if packs < _MANY_PACKS:
            return
        try:
            # Merges small packs into larger ones; drops nothing, and is safe to kill and to read beside.
            read(
                ["repack", "--quiet", "-d", "--geometric=2", "--no-write-bitmap-index"],
                cwd=self.path,
                config=self.trust,
                timeout_s=self.timeout_s,
            )
        except GitFailed:
            # The mirror is as good as before, only slower.
            return


def _objects(folder: Path) -> list[Path]:
    """Loose objects, packs and, last, the indexes that make the packs known."""
    loose = sorted(folder.glob("[0-9a-f][0-9a-f]/*"))
    packs = sorted((folder / "pack").iterdir(), key=lambda file: (file.suffix == ".idx", file.name))
    return [*loose, *packs]


def _commits(listing: str) -> dict[str, str]:
    commits: dict[str, str] = {}
    for match in map(_REF_LINE.fullmatch, listing.splitlines()):
        if match is not None:
            # The line of a peeled tag follows its own: the later one is the commit.
            commits[match[2].removesuffix("^{}")] = match[1]
    return commits
