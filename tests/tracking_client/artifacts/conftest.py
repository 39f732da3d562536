"""Object stores, a wire that breaks, and small parts."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from tests.tracking_client.artifacts.breaking_wire import BreakingWire, running_wire
from tests.tracking_server import artifact_services
from tests.tracking_server.artifact_services import StoreService
from tracking_client.artifact_stores import multipart, parts
from tracking_client.local_server import LocalServer

MIB = 1 << 20


@pytest.fixture(scope="session")
def object_stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], StoreService]]:
    """Starts real object stores, each when it is first asked for; they end with the session."""
    with contextlib.ExitStack() as stack:
        running: dict[str, StoreService] = {}

        def started(kind: str) -> StoreService:
            if kind not in running:
                directory = tmp_path_factory.mktemp(kind)
                running[kind] = stack.enter_context(artifact_services.service(kind, directory))
            return running[kind]

        yield started


@pytest.fixture
def reached(
    object_stores: Callable[[str], StoreService], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], StoreService]:
    """A store of a kind, with the environment in which clients reach it."""

    def reach(kind: str) -> StoreService:
        service = object_stores(kind)
        for name, value in service.environ.items():
            monkeypatch.setenv(name, value)
        return service

    return reach


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of 6 MiB go in parts of 5 MiB, to this machine too, and come in parts of 1 MiB."""
    monkeypatch.setenv(multipart.ENABLED, "true")
    monkeypatch.setenv(parts.UPLOAD_FROM, str(6 * MIB))
    monkeypatch.setenv(parts.UPLOAD_PART, str(5 * MIB))
    monkeypatch.setenv(parts.DOWNLOAD_FROM, str(2 * MIB))
    monkeypatch.setenv(parts.DOWNLOAD_PART, str(MIB))


@pytest.fixture
def wire(server: LocalServer) -> Iterator[BreakingWire]:
    """A wire to the shared server, whose connections break where a test says."""
    with running_wire(server.url) as running:
        yield running
