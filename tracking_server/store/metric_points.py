"""What a client logs: one value of one metric."""

from __future__ import annotations

import msgspec


class MetricPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One value of one metric as a client logged it. `model_id` and the dataset tie it to a logged model."""

    key: str
    value: float
    timestamp_ms: int
    step: int = 0
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None
