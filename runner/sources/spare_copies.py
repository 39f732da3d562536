"""Working copies made before the runs that need them: a run of a sweep does not wait for its own."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from runner.model.source import Checkout
from runner.sources.staging import staging
from runner.sources.working_copy import copied_to, copy_tree, working_copy

if TYPE_CHECKING:
    from typing_extensions import Self

MOST_SPARES = 4
"""Of one tree. More would only be of use to runs that begin at the same moment."""
LARGEST_TREE_BYTES = 64 * 1024**2
_USED_WITHIN_S = 3600.0  # long before anybody takes its folder for an abandoned one


@dataclass(slots=True)
class _Spare:
    tree: Path
    folder: ExitStack
    """Removes what is left of it when closed."""
    made_at_s: float = field(default_factory=time.monotonic)


class SpareCopies:
    """Has copies of shared trees ready in `copies`, where the runs' own ones are. Thread-safe.

    Whoever takes one has `beside` make the next. A tree of more than 64 MiB has none: it would take the room
    of a whole run. They go when this is closed; those of a process that was killed are abandoned staging
    folders.
    """

    def __init__(self, copies: Path, beside: Callable[[Callable[[], None]], object]) -> None:
        self._copies = copies
        self._beside = beside
        self._lock = threading.Lock()
        self._spares: dict[Path, list[_Spare]] = {}
        self._is_small: dict[Path, bool] = {}
        self._being_made: Counter[Path] = Counter()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Removes all spares. What is copied from now on is copied when it is needed."""
        with self._lock:
            self._closed = True
            left = [spare for spares in self._spares.values() for spare in spares]
            self._spares.clear()
        for spare in left:
            spare.folder.close()

    def working_copy(self, checkout: Checkout, into: Path) -> Checkout:
        """All as in `runner.sources.working_copy.working_copy`."""
        shared = checkout.shared_root
        if shared is None:
            return checkout
        copy = copied_to(checkout, into) if self._take(shared, into) else working_copy(checkout, into)
        self._beside(lambda: self._make(shared))
        return copy

    def _take(self, shared: Path, into: Path) -> bool:
        if into.exists():
            return False
        with self._lock:
            spares = self._spares.get(shared)
            spare = spares.pop(0) if spares else None
        if spare is None:
            return False
        with spare.folder:
            if time.monotonic() - spare.made_at_s > _USED_WITHIN_S:
                return False
            try:
                os.rename(spare.tree, into)
            except OSError:
                return False
            return True

    def _make(self, shared: Path) -> None:
        with self._lock:
            if self._closed or len(self._spares.get(shared, ())) + self._being_made[shared] >= MOST_SPARES:
                return
            self._being_made[shared] += 1
        spare = None
        try:
            # Where none can be made, the run that needs its own says why.
            with suppress(OSError):
                spare = self._made(shared)
        finally:
            with self._lock:
                self._being_made[shared] -= 1
                is_wanted = spare is not None and not self._closed
                if spare is not None and is_wanted:
                    self._spares.setdefault(shared, []).append(spare)
        if spare is not None and not is_wanted:
            spare.folder.close()

    def _made(self, shared: Path) -> _Spare | None:
        if shared not in self._is_small:
            self._is_small[shared] = _is_small(shared)
        if not self._is_small[shared]:
            return None
        with ExitStack() as folder:
            tree = folder.enter_context(staging(self._copies)) / "tree"
            copy_tree(shared, tree)
            return _Spare(tree, folder.pop_all())


def _is_small(tree: Path) -> bool:
    left = LARGEST_TREE_BYTES
    for folder, _, names in os.walk(tree):
        for name in names:
            left -= os.lstat(os.path.join(folder, name)).st_size
        if left < 0:
            return False
    return True
