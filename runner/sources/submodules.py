"""Submodules of a fresh checkout, each from a mirror of its own, nested ones too.

git itself resolves relative URLs and lays the submodules out; it is only told to find each URL in the cache.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from runner.errors import SourceError
from runner.events import Listener
from runner.sources.git_command import GitFailed, ask, read, work
from runner.sources.mirror import EVERYTHING, Mirror
from runner.sources.origin import Origin

_GITLINK = "160000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Populating:
    """What filling in submodules needs. `scratch` is a folder for logs.

    `at_hand` is the folder `modules` of a local repository of the same history: what it has (be it pushed or
    not) need not be fetched from elsewhere.
    """

    cache_root: Path
    scratch: Path
    listener: Listener
    timeout_s: float
    at_hand: Path | None = None

    def populate(self, repository: Path, origin: Origin) -> list[tuple[str, str]]:
        """Checks out all submodules of `repository`, which came from `origin`: (path, commit) of each.

        Raises SourceError, GitFailed, GitMissing.
        """
        found: list[tuple[str, str]] = []
        declared = _declared(repository)
        wanted = gitlinks(repository) if declared else {}
        for name, path in declared:
            commit = wanted.get(path)
            if commit is None or _setting(repository, f"submodule.{name}.update") == "none":
                continue
            child = self._fetched(repository, origin, name, commit)
            found.append((path, commit))
            within = None if self.at_hand is None else self.at_hand / name / "modules"
            nested = replace(self, at_hand=within).populate(repository / path, child)
            found += [(f"{path}/{inner}", inner_commit) for inner, inner_commit in nested]
        return found

    def _fetched(self, repository: Path, parent: Origin, name: str, commit: str) -> Origin:
        path = _setting(repository, f"submodule.{name}.path", file=".gitmodules") or name
        read(["submodule", "--quiet", "init", "--", f":(literal){path}"], cwd=repository)
        url = _setting(repository, f"submodule.{name}.url")
        if url is None:
            raise SourceError(f"submodule {path!r} of {parent.display} has no URL", ref=parent.display)
        child = Origin.of(url, access_if_none=parent.access)
        if child.is_local and not parent.is_local:
            raise SourceError(
                f"submodule {path!r} of {parent.display} names a path of this machine: {child.display}",
                ref=parent.display,
                hint="a repository from elsewhere may not read local files: its .gitmodules needs a real URL",
            )
        # Credentials do not belong in a configuration on disk.
        read(["config", f"submodule.{name}.url", child.url], cwd=repository)
        mirror = Mirror.of(
            child, cache_root=self.cache_root, listener=self.listener, timeout_s=self.timeout_s
        )
        try:
            if self.at_hand is not None:
                _bring_from(self.at_hand / name, mirror, commit)
            bring(mirror, commit)
        except GitFailed as error:
            raise child.failure(
                error, f"fetch {commit[:12]}, submodule {path!r} of {parent.display}, from"
            ) from None
        work(
            [
                *("submodule", "--quiet", "update", "--checkout", "--no-recommend-shallow"),
                *("--reference", str(mirror.path), "--", f":(literal){path}"),
            ],
            cwd=repository,
            log_path=self.scratch / "submodule.log",
            access=child.access,
            config=(
                (f"url.{mirror.path}.insteadOf", child.url),
                # The only local path in reach is the mirror, which we filled ourselves.
                ("protocol.file.allow", "always"),
                ("core.checkStat", "minimal"),
                *mirror.trust,
            ),
            timeout_s=self.timeout_s,
        )
        return child


def _bring_from(module: Path, mirror: Mirror, commit: str) -> None:
    question = ["cat-file", "-e", f"{commit}^{{commit}}"]
    if module.is_dir() and ask(question, cwd=module).returncode == 0:
        mirror.fetch(
            (f"+{commit}:refs/runner/commits/{commit}",),
            default_branch=None,
            is_enough=lambda: mirror.has_commit(commit),
            from_local=module,
        )


def bring(mirror: Mirror, commit: str, *, default_branch: str | None = None) -> None:
    """Fetches until `mirror` has `commit`: first all branches and tags, then, if need be, the commit itself.

    Raises GitFailed where the origin does not give it.
    """
    if not mirror.has_commit(commit):
        mirror.fetch(EVERYTHING, default_branch=default_branch, is_enough=lambda: mirror.has_commit(commit))
    if not mirror.has_commit(commit):
        mirror.fetch(
            (*EVERYTHING, f"+{commit}:refs/runner/commits/{commit}"),
            default_branch=default_branch,
            is_enough=lambda: mirror.has_commit(commit),
        )


def gitlinks(repository: Path) -> dict[str, str]:
    """Paths of the submodules in the index -> the commits they are to be at. Raises GitFailed."""
    listing = os.fsdecode(read(["ls-files", "--stage", "-z"], cwd=repository))
    links = (entry.partition("\t") for entry in listing.split("\0") if entry.startswith(_GITLINK))
    return {path: head.split()[1] for head, _, path in links}


def _declared(repository: Path) -> list[tuple[str, str]]:
    """(name, path) of each entry of .gitmodules."""
    declaration = repository / ".gitmodules"
    if declaration.is_symlink() or not declaration.is_file():
        return []
    question = ["config", "--file", ".gitmodules", "-z", "--get-regexp", r"^submodule\..*\.path$"]
    listing = os.fsdecode(ask(question, cwd=repository).stdout)
    pairs = (entry.partition("\n") for entry in listing.split("\0") if entry)
    return [(key.removeprefix("submodule.").removesuffix(".path"), path) for key, _, path in pairs]


def _setting(repository: Path, key: str, *, file: str | None = None) -> str | None:
    source = ["--file", file] if file else []
    done = ask(["config", *source, "-z", "--get", key], cwd=repository)
    return os.fsdecode(done.stdout).removesuffix("\0") if done.returncode == 0 else None
