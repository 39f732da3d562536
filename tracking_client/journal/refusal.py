"""What a server will never take, and which of its answers say so."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

from tracking_client.errors import ApiError, ArtifactError, TrackingError, TransportError, Unauthorized
from tracking_client.journal.entries import Entry

FAULT = 500
_LATER = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What a server will never take, and its words."""

    entry: Entry
    error: TrackingError

    def to_json(self) -> dict[str, object]:
        """The line of `refused.jsonl`."""
        return {
            "time_ms": time.time_ns() // 1_000_000,
            "run_id": self.entry.run_id,
            "kind": self.entry.kind.decode(),
            "entry": json.loads(self.entry.payload),
            "error": str(self.error),
        }


def is_lasting(error: TrackingError) -> bool:
    """Whether sending the same again will always fail the same way."""
    if not isinstance(error, ApiError) or isinstance(error, Unauthorized):
        return False
    return 400 <= error.status < 500 and error.status not in _LATER


def is_passing(error: BaseException | None) -> bool:
    """Whether no server was reached, or one that has trouble: the same may succeed later, unchanged."""
    if isinstance(error, ApiError):
        return error.status >= 500 or error.status in _LATER
    return isinstance(error, (TransportError, ArtifactError)) and error.retryable


__all__ = ["FAULT", "Refusal", "is_lasting", "is_passing"]
