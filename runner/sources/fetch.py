"""SourceRef -> Checkout, whichever kind it is."""

from __future__ import annotations

from runner.events import Listener, ignore
from runner.model.source import Checkout, SourceRef
from runner.settings import Settings
from runner.sources.directory import open_directory
from runner.sources.dirty import Limits


def fetch(ref: SourceRef, *, settings: Settings, listener: Listener = ignore) -> Checkout:
    """The project at `ref`, on disk, with its provenance.

    A local directory is used in place. Anything else comes to the cache (`settings.cache_dir`), where many
    runs share it (`Checkout.shared_root`): run a program in a `working_copy` of it.
    Raises SourceError. Thread- and process-safe. `listener` may be called from another thread.
    """
    cache_root = settings.cache_dir
    timeout_s = settings.fetch_timeout_s
    if ref.kind == "archive":
        from runner.sources.archive import fetch_archive

        return fetch_archive(ref, cache_root=cache_root, listener=listener, timeout_s=timeout_s)
    if ref.kind == "git":
        from runner.sources.git import fetch_git

        return fetch_git(ref, cache_root=cache_root, listener=listener, timeout_s=timeout_s)
    if ref.revision is not None:
        from runner.sources.local_revision import open_revision

        return open_revision(ref, cache_root=cache_root, listener=listener, timeout_s=timeout_s)
    limits = Limits(
        file_bytes=settings.untracked_file_limit_bytes, total_bytes=settings.untracked_total_limit_bytes
    )
    return open_directory(ref, listener=listener, limits=limits)
