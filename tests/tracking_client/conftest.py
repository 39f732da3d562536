"""A real server, stores of one's own, scripts in processes of their own, and a proxy that misbehaves."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tracking_client.mlflow_server import running_mlflow_server
from tests.tracking_client.proxy import Proxy, running_proxy
from tests.tracking_client.scripts import Scripts
from tests.tracking_client.servers import stop_server
from tracking_client import (
    active_experiment,
    active_model,
    active_runs,
    contact,
    fluent_logged_models,
    local_server,
    starting,
    tracking_uri,
    transport,
)
from tracking_client.client import TrackingClient
from tracking_client.connection import Patience
from tracking_client.journal import journals
from tracking_client.tracking_uri import LocalStore, RemoteServer
from tracking_client.transport import Transport

_LONGEST_SESSION_S = 3 * 3600


@pytest.fixture(autouse=True)
def _fresh_client_state(_nothing_left_behind: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test starts and ends without an active run, experiment, tracking URI or hook."""
    environ, directory = dict(os.environ), Path.cwd()
    handler, hook = signal.getsignal(signal.SIGTERM), sys.excepthook
    fresh: tuple[tuple[Any, dict[str, Any]], ...] = (
        (tracking_uri, {"_chosen": None, "_default": None}),
        (active_experiment, {"_chosen": None}),
        (active_model, {"_chosen": active_model._Chosen()}),
        (starting, {"_launched_as": None, "_last_ended": None, "_attached": {}}),
        (active_runs, {"_stacks": {}}),
        (transport, {"_transports": {}}),
        (journals, {"_journals": {}}),
        (contact, {"_met": set()}),
        (fluent_logged_models, {"_last_model_id": None}),
    )
    for module, names in fresh:
        for name, value in names.items():
            monkeypatch.setattr(module, name, value)
    yield
    journals.finish_all()
    for known in transport._transports.values():
        known.close()
    os.chdir(directory)
    signal.signal(signal.SIGTERM, handler)
    sys.excepthook = hook
    for name in set(os.environ) - set(environ):
        del os.environ[name]
    os.environ.update(environ)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[local_server.LocalServer]:
    """One server of ours for all tests that do not harm it."""
    store = LocalStore.at(tmp_path_factory.mktemp("shared-store"))
    with pytest.MonkeyPatch.context() as monkeypatch:
        # Those who know it by its address cannot start it again, and some tests need minutes without it.
        monkeypatch.setenv(local_server.IDLE_VARIABLE, str(_LONGEST_SESSION_S))
        found = local_server.ensure(store)
    yield found
    stop_server(store)


@pytest.fixture(scope="session")
def mlflow_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server for all tests."""
    with running_mlflow_server(tmp_path_factory.mktemp("mlflow")) as url:
        yield url


@pytest.fixture
def client(server: local_server.LocalServer, monkeypatch: pytest.MonkeyPatch) -> TrackingClient:
    """A client of the shared server, which is also the one that the fluent functions talk to."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", server.token or "")
    return TrackingClient()


@pytest.fixture
def experiment_id(client: TrackingClient, request: pytest.FixtureRequest) -> str:
    """A new experiment on the shared server."""
    return client.create_experiment(f"{request.node.name} {os.urandom(4).hex()}")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalStore]:
    """A store of one's own, whose server may be harmed; it is stopped after the test."""
    store = LocalStore.at(tmp_path / "a store; echo 'b")
    yield store
    stop_server(store)
    local_server._forget_ended()


@pytest.fixture
def scripts(tmp_path: Path) -> Scripts:
    """Programs that run in the test's directory."""
    directory = tmp_path / "scripts"
    directory.mkdir()
    return Scripts(directory)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A misbehaving proxy on a free loopback port; set its `upstream` and `plan`."""
    with running_proxy() as running:
        yield running


@pytest.fixture
def through(proxy: Proxy, server: local_server.LocalServer, client: TrackingClient) -> TrackingClient:
    """A client that reaches the shared server through the misbehaving proxy."""
    del client  # its fixture sets the token
    proxy.upstream = server.url
    transport = Transport(RemoteServer(url=proxy.url), patience=Patience(first_pause_s=0.01))
    return TrackingClient(proxy.url, transport=transport)
