"""Whether a thing is there or in the bin, and which of them a search sees."""

from __future__ import annotations

from collections.abc import Mapping


class LifecycleStage:
    """Whether an experiment or run is there or in the bin."""

    ACTIVE = "active"
    DELETED = "deleted"


class ViewType:
    """Which life-cycle stages a search sees. The numbers are MLflow's, the wire wants the names."""

    ACTIVE_ONLY = 1
    DELETED_ONLY = 2
    ALL = 3
    _NAMES: Mapping[int, str] = {1: "ACTIVE_ONLY", 2: "DELETED_ONLY", 3: "ALL"}

    @classmethod
    def to_string(cls, view_type: int) -> str:
        """The wire's name. Raises KeyError for a number that is none of the three."""
        return cls._NAMES[view_type]


__all__ = ["LifecycleStage", "ViewType"]
