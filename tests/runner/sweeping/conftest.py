"""A real server, and the trials of a sweep on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runner.sweeping.trials import Trials
from tests.tracking_client.servers import stop_server
from tracking_client import local_server
from tracking_client.client import TrackingClient
from tracking_client.tracking_uri import LocalStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    """A store of the test's own, whose server may be harmed."""
    store = LocalStore.at(tmp_path / "a store; echo 'b")
    yield store
    stop_server(store)
    local_server._forget_ended()


@pytest.fixture
def client(store: LocalStore) -> Iterator[TrackingClient]:
    client = TrackingClient(store.uri)
    yield client
    client.transport.close()


@pytest.fixture
def trials(client: TrackingClient) -> Trials:
    """A sweep without trials yet."""
    return Trials.new(client)
