"""Autologging as it is before anybody asked for it, and runs in an experiment of the test's own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tracking_client.client import TrackingClient
from tracking_client.integrations import autologging
from tracking_client.mlflow_client import MlflowClient
from tracking_client.wire.entities import Run


@pytest.fixture(autouse=True)
def _no_autologging(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patches of libraries stay, and do nothing where no settings are in force."""
    monkeypatch.setattr(autologging, "_in_force", {})


@pytest.fixture
def runs(
    client: TrackingClient, experiment_id: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], list[Run]]:
    """All runs of the test's experiment, to which new ones go, the first first."""
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", experiment_id)
    del client  # its fixture says which server
    return lambda: list(MlflowClient().find_runs([experiment_id], order_by=["attributes.start_time"]))
