"""Another revision of the repository that a local directory is in, beside it in the cache."""

from __future__ import annotations

import os
from pathlib import Path

from runner.errors import SourceError
from runner.events import Listener
from runner.model.source import Checkout, SourceRef
from runner.sources.git import Resolved, checked_out, explained, not_found, the_only
from runner.sources.git_command import ask, read
from runner.sources.mirror import Mirror, Refs
from runner.sources.origin import Origin
from runner.sources.provenance import remote_url
from runner.sources.submodules import bring


def open_revision(ref: SourceRef, *, cache_root: Path, listener: Listener, timeout_s: float) -> Checkout:
    """Another revision of the repository that the directory is in, from a mirror in the cache.

    Whatever git understands as a commit will do (`HEAD~2`, `origin/main`). The user's checkout is only
    read: its HEAD, index, configuration and objects stay as they are. Raises RevisionNotFound, SourceError.
    """
    assert ref.revision is not None
    directory = Path(ref.location)
    origin = Origin.of(ref.location)
    with explained(origin, "read"):
        root = _root(directory, ref)
        repository = Origin.of(str(root))
        resolved = _resolve(root, ref.revision, ref.display)
        mirror = Mirror.of(repository, cache_root=cache_root, listener=listener, timeout_s=timeout_s)
        bring(mirror, resolved.commit, default_branch=None)
        url = remote_url(root)
        common = root / os.fsdecode(read(["rev-parse", "--git-common-dir"], cwd=root)[:-1])
    within = directory.relative_to(root).as_posix()
    place = "/".join(part for part in (within, ref.subdirectory) if part not in ("", "."))
    at_root = SourceRef(
        kind="directory", location=str(root), subdirectory=place, revision=ref.revision, display=str(root)
    )
    return checked_out(
        at_root,
        resolved,
        mirror,
        cache_root=cache_root,
        repository_url=url or str(root),
        shown_url=url,
        submodules_at_hand=common / "modules",
    )


def _root(directory: Path, ref: SourceRef) -> Path:
    done = ask(["rev-parse", "--show-toplevel"], cwd=directory)
    if done.returncode == 0:
        return Path(os.fsdecode(done.stdout[:-1]))
    message = os.fsdecode(done.stderr).strip()
    if "not a git repository" not in message:
        raise SourceError(f"git cannot read {ref.display}: {message}", ref=ref.display)
    raise SourceError(
        f"{ref.display} is not in a git repository, so it has no version {ref.revision!r}",
        ref=ref.display,
        hint="leave --version out to use the directory as it is",
    )


def _resolve(root: Path, revision: str, display: str) -> Resolved:
    done = ask(["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"], cwd=root)
    if done.returncode == 0:
        name = ask(["rev-parse", "--symbolic-full-name", "--end-of-options", revision], cwd=root).text
        branch = name.rpartition("\n")[2].removeprefix("refs/heads/") if "refs/heads/" in name else None
        return Resolved(commit=done.stdout.decode().strip(), branch=branch)
    listing = read(["for-each-ref", "--format=%(refname)", "refs/heads", "refs/tags"], cwd=root)
    refs = Refs(commits=dict.fromkeys(os.fsdecode(listing).splitlines(), ""))
    ambiguous = ask(["rev-parse", f"--disambiguate={revision}"], cwd=root)
    if ambiguous.returncode == 0 and ambiguous.stdout:
        kinds = read(["cat-file", "--batch-check"], cwd=root, stdin=ambiguous.stdout).decode()
        commits = tuple(sorted(line.split()[0] for line in kinds.splitlines() if " commit " in line))
        return the_only(commits, revision, display, refs)
    raise not_found(revision, display, refs)
