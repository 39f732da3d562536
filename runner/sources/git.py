"""A revision of a git repository, as a checkout in the cache.

The origin is asked each time what a branch or tag means now; a full commit id that is here already needs
no network. Where the origin cannot be reached, what was fetched last is used, with a warning.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runner.errors import RevisionNotFound, SourceError, suggestion
from runner.events import Listener, Warned
from runner.model.source import Checkout, Provenance, SourceRef
from runner.sources import pristine
from runner.sources.git_command import GitFailed, GitMissing, read, work
from runner.sources.inside import inside
from runner.sources.mirror import EVERYTHING, Mirror, Refs
from runner.sources.origin import Origin, is_unreachable
from runner.sources.progress import announced
from runner.sources.submodules import Populating, bring

_FULL_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_SHORT_ID = re.compile(r"[0-9a-f]{4,63}")
_LISTED = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A revision, found: its commit, and the branch if it names one."""

    commit: str
    branch: str | None = None


def fetch_git(ref: SourceRef, *, cache_root: Path, listener: Listener, timeout_s: float) -> Checkout:
    """The repository at `ref` in the cache, at the revision it names.

    Raises RevisionNotFound, CloneFailed, SourceError. Safe against concurrent callers.
    """
    origin = Origin.of(ref.location)
    mirror = Mirror.of(origin, cache_root=cache_root, listener=listener, timeout_s=timeout_s)
    with explained(origin, "fetch"):
        resolved = _resolve(mirror, ref.revision, listener)
    return checked_out(
        ref, resolved, mirror, cache_root=cache_root, repository_url=origin.url, shown_url=origin.display
    )


def checked_out(
    ref: SourceRef,
    resolved: Resolved,
    mirror: Mirror,
    *,
    cache_root: Path,
    repository_url: str,
    shown_url: str | None,
    submodules_at_hand: Path | None = None,
) -> Checkout:
    """The shared checkout of a commit that `mirror` has. `repository_url` becomes its `origin`.

    `submodules_at_hand`: see `Populating.at_hand`. Raises SourceError.
    """
    slot = cache_root / "sources" / "checkouts" / mirror.origin.key / resolved.commit

    def build(tree: Path, scratch: Path) -> pristine.Facts:
        _check_out(mirror, resolved.commit, repository_url, tree, scratch)
        populating = Populating(
            cache_root=cache_root,
            scratch=scratch,
            listener=mirror.listener,
            timeout_s=mirror.timeout_s,
            at_hand=submodules_at_hand,
        )
        parent = Origin.of(repository_url, access_if_none=mirror.origin.access)
        return {"submodules": populating.populate(tree, parent)}

    with (
        explained(mirror.origin, "check out"),
        announced(mirror.listener, f"checking out {mirror.origin.display}"),
    ):
        tree, facts = pristine.ensure(slot, build, timeout_s=mirror.timeout_s)
    return Checkout(
        directory=inside(tree, ref),
        shared_root=tree,
        provenance=Provenance(
            source_name=ref.display + (f"#{ref.subdirectory}" if ref.subdirectory else ""),
            commit=resolved.commit,
            branch=resolved.branch,
            repository_url=shown_url,
            repository_root=tree,
            subdirectory=ref.subdirectory,
            submodule_commits=_pairs(facts.get("submodules")),
        ),
    )


@contextmanager
def explained(origin: Origin, doing: str) -> Iterator[None]:
    """Turns git's failures within into SourceErrors about `origin`, without its credentials."""
    try:
        yield
    except GitMissing:
        raise SourceError(
            f"git is needed to {doing} {origin.display}, and is not on PATH",
            ref=origin.display,
            hint="install git 2.31 or later",
        ) from None
    except GitFailed as error:
        raise origin.failure(error, doing) from None
    except OSError as error:
        raise SourceError(
            f"could not {doing} {origin.display}: {error.strerror or error}: {error.filename or ''}",
            ref=origin.display,
            hint="see that the cache directory (RUNNER_CACHE_DIR) can be written and has space",
        ) from error


def _resolve(mirror: Mirror, revision: str | None, listener: Listener) -> Resolved:
    if revision is not None and _FULL_ID.fullmatch(revision):
        return _full_id(mirror, revision)
    further = (revision,) if revision is not None and revision.startswith("refs/") else ()
    try:
        refs = mirror.remote_refs(*further)
    except GitFailed as error:
        if not is_unreachable(error) or not mirror.exists:
            raise
        return _offline(mirror, revision, error, listener)
    if revision is None and not refs.commits:
        raise SourceError(
            f"{mirror.origin.display} has no commits", ref=mirror.origin.display, hint="push some first"
        )
    named = find_name(refs, revision, listener)
    if named is not None:
        bring(mirror, named.commit, default_branch=refs.default_branch)
        return named
    if revision is not None and _SHORT_ID.fullmatch(revision.lower()):
        return _short_id(mirror, revision.lower(), refs)
    raise not_found(revision, mirror.origin.display, refs)


def _full_id(mirror: Mirror, commit: str) -> Resolved:
    try:
        bring(mirror, commit)
    except GitFailed as error:
        if is_unreachable(error) or not mirror.exists:
            raise
    if not mirror.has_commit(commit):
        raise not_found(commit, mirror.origin.display, mirror.known_refs())
    return Resolved(commit=commit)


def _short_id(mirror: Mirror, prefix: str, refs: Refs) -> Resolved:
    def found() -> tuple[str, ...]:
        return mirror.commits_starting_with(prefix)

    if not found():
        mirror.fetch(EVERYTHING, default_branch=refs.default_branch, is_enough=lambda: bool(found()))
    return the_only(found(), prefix, mirror.origin.display, refs)


def _offline(mirror: Mirror, revision: str | None, error: GitFailed, listener: Listener) -> Resolved:
    known = mirror.known_refs()
    resolved = find_name(known, revision, listener)
    if resolved is None and revision is not None and _SHORT_ID.fullmatch(revision.lower()):
        resolved = the_only(
            mirror.commits_starting_with(revision.lower()), revision, mirror.origin.display, known
        )
    if resolved is None or not mirror.has_commit(resolved.commit):
        raise error
    listener(
        Warned(
            message=f"{mirror.origin.display} cannot be reached: using {revision or 'its default branch'} "
            f"as it was last fetched, commit {resolved.commit[:12]}"
        )
    )
    return resolved


def find_name(refs: Refs, revision: str | None, listener: Listener) -> Resolved | None:
    """What `revision` (None: the default branch) names among `refs`; tags come before branches, as in git."""
    if revision is None:
        commit = refs.commits.get("HEAD")
        return None if commit is None else Resolved(commit=commit, branch=refs.default_branch)
    names = [f"refs/tags/{revision}", f"refs/heads/{revision}", f"refs/{revision}", revision]
    found = [name for name in names if name in refs.commits and name.startswith("refs/")]
    if not found:
        return None
    if found[:2] == names[:2]:
        listener(Warned(message=f"{revision!r} is a tag and a branch: the tag is used"))
    branch = found[0].removeprefix("refs/heads/") if found[0].startswith("refs/heads/") else None
    return Resolved(commit=refs.commits[found[0]], branch=branch)


def the_only(commits: tuple[str, ...], prefix: str, display: str, refs: Refs) -> Resolved:
    """The single one of `commits`, which all start with `prefix`. Raises RevisionNotFound otherwise."""
    if not commits:
        raise not_found(prefix, display, refs)
    if len(commits) > 1:
        listed = ", ".join(commits[:_LISTED]) + (", …" if len(commits) > _LISTED else "")
        raise RevisionNotFound(
            f"{prefix!r} is short for {len(commits)} commits of {display}: {listed}",
            ref=display,
            hint="give more digits",
        )
    return Resolved(commit=commits[0])


def not_found(revision: str | None, display: str, refs: Refs) -> RevisionNotFound:
    """The error that says so, with the names that there are."""
    names = sorted(
        name.removeprefix("refs/heads/").removeprefix("refs/tags/")
        for name in refs.commits
        if name.startswith(("refs/heads/", "refs/tags/"))
    )
    meant = suggestion((revision or "").removeprefix("origin/"), names)
    listed = ", ".join(names[:_LISTED]) + (", …" if len(names) > _LISTED else "")
    wish = f"no branch, tag or commit {revision!r}" if revision else "no default branch"
    return RevisionNotFound(
        f"{display} has {wish}",
        ref=display,
        hint=f"did you mean {meant!r}?" if meant else f"it has {listed or 'no branches or tags'}",
    )


def _check_out(mirror: Mirror, commit: str, url: str, tree: Path, scratch: Path) -> None:
    config = (("protocol.file.allow", "always"), *mirror.trust, ("safe.directory", str(tree)))
    # The objects stay in the mirror. Size and time alone tell a change, so that copies look unchanged.
    read(
        [
            *("clone", "--quiet", "--shared", "--no-checkout", "--template=", "--origin", "origin"),
            *("--config", "core.checkStat=minimal", "--config", "core.trustctime=false"),
            *("--", str(mirror.path), str(tree)),
        ],
        cwd=scratch,
        config=config,
        timeout_s=mirror.timeout_s,
    )
    read(["remote", "set-url", "origin", url], cwd=tree, config=config)
    # Filters may use the network (git-lfs does).
    work(
        ["checkout", "--quiet", "--detach", commit],
        cwd=tree,
        log_path=scratch / "checkout.log",
        access=mirror.origin.access,
        config=config,
        ssh=mirror.origin.uses_ssh,
        timeout_s=mirror.timeout_s,
    )


def _pairs(value: object) -> tuple[tuple[str, str], ...]:
    rows = value if isinstance(value, list) else []
    return tuple((os.fspath(path), str(commit)) for path, commit in rows)
