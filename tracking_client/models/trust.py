"""Which models may run code while they are loaded. By default: those that the user pointed at, or made.

Opening a pickle, importing a model's own code or executing a model that is code runs what its author wrote.
docs/adr/0010-no-code-of-strangers.md says why a path counts as the user's word and a URI does not.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tracking_client.errors import Unauthorized

TRUSTED_MODELS = "RUNNER_TRUST_MODELS"
"""URIs, or what they begin with, between spaces or commas; `*` stands for every model."""
MLFLOW_ALLOW = "MLFLOW_ALLOW_PICKLE_DESERIALIZATION"
"""MLflow's own switch; "false" forbids here too what it forbids there."""

_CHUNK_BYTES = 1 << 20
_written: set[str] = set()  # digests of the files with code that this process wrote itself
_written_lock = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a model comes from: the URI or path that the user gave, and whether that vouches for it."""

    uri: str
    is_path: bool
    trusted: bool = False


def remember(files: Iterable[Path]) -> None:
    """Notes files with code that this process wrote, so that it may open them again. Thread-safe."""
    digests = {_digest(file) for file in files}
    with _written_lock:
        _written.update(digests)


def require_trust(origin: Origin, what: str, files: Iterable[Path]) -> None:
    """Raises Unauthorized where a model from `origin` may not run the code in `files`; `what` names it.

    It may where the caller says so (`trusted=True`), where it was given by its path, where
    RUNNER_TRUST_MODELS names it, or where this process wrote every one of the files.
    """
    if may_run_code(origin, files):
        return
    if _is_forbidden():
        raise _refused(f"The model {origin.uri} {what}, and {MLFLOW_ALLOW} forbids it")
    raise _refused(
        f"The model {origin.uri} {what}, which runs whatever its author wrote. If you trust them, load it "
        f"with trusted=True, or name it (or what its URI begins with) in {TRUSTED_MODELS}"
    )


def may_run_code(origin: Origin, files: Iterable[Path]) -> bool:
    """Whether `require_trust` lets the code in `files` run."""
    return not _is_forbidden() and (is_trusted(origin) or _is_own(files))


def is_trusted(origin: Origin, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the user vouches for everything that comes from `origin`."""
    entries = environ.get(TRUSTED_MODELS, "").replace(",", " ").split()
    return origin.trusted or origin.is_path or any(_covers(entry, origin.uri) for entry in entries)


def _covers(entry: str, uri: str) -> bool:
    """Whether the URI is the entry, or below it: `models:/credit` does not cover `models:/credit-2/1`."""
    if entry in ("*", uri):
        return True
    return uri.startswith(entry) and (entry.endswith("/") or uri[len(entry)] in "/@")


def _is_forbidden(environ: Mapping[str, str] = os.environ) -> bool:
    return environ.get(MLFLOW_ALLOW, "").strip().lower() in ("false", "0")


def _is_own(files: Iterable[Path]) -> bool:
    digests = [_digest(file) for file in files]
    with _written_lock:
        return bool(digests) and _written.issuperset(digests)


def _digest(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as data:
        while chunk := data.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _refused(message: str) -> Unauthorized:
    return Unauthorized(message, status=403, code="PERMISSION_DENIED")


def _after_fork() -> None:
    global _written_lock  # noqa: PLW0603  # held by a thread that the child does not have
    _written_lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)

__all__ = [
    "MLFLOW_ALLOW",
    "TRUSTED_MODELS",
    "Origin",
    "is_trusted",
    "may_run_code",
    "remember",
    "require_trust",
]
