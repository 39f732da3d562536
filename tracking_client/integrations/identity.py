"""`ByIdentity`: notes on objects that may be neither hashable nor kept alive, such as arrays and models."""

from __future__ import annotations

import weakref
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class ByIdentity(Generic[T]):
    """A note for each object, for as long as the object lives. Safe in threads."""

    def __init__(self) -> None:
        self._notes: dict[int, tuple[weakref.ref[Any], T]] = {}

    def __setitem__(self, thing: Any, note: T) -> None:
        key = id(thing)
        try:
            reference = weakref.ref(thing, lambda _: self._notes.pop(key, None))
        except TypeError:
            return  # a list or a number: one that looks the same would be taken for it
        self._notes[key] = (reference, note)

    def get(self, thing: Any) -> T | None:
        """The note on this very object, or None."""
        found = self._notes.get(id(thing))
        return found[1] if found is not None and found[0]() is thing else None

    def __len__(self) -> int:
        return len(self._notes)


__all__ = ["ByIdentity"]
