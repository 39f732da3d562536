"""The tags by which a replay that was interrupted finds what it has made."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from tracking_client.transport import Transport
from tracking_client.wire import names

WHOLE = "whole:"
"""Begins the mark of what is on the target, whole."""


def mark_for(target: Transport) -> str:
    """The tag of a run or model of the source that says what it became on this target."""
    digest = hashlib.sha256(target.target_uri.encode()).hexdigest()
    return f"{names.REPLAYED_AS}.{digest[:16]}"


def without_marks(tags: Mapping[str, str]) -> dict[str, str]:
    """`tags` without those of replays."""
    return {key: value for key, value in tags.items() if not key.startswith(names.REPLAYED_AS)}


__all__ = ["WHOLE", "mark_for", "without_marks"]
