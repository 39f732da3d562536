"""Servers for the tests: in this process for most, as a real process where death, disks and clocks matter."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.small_disks import small_disks
from tests.tracking_server import artifact_services, database_servers
from tests.tracking_server.artifact_services import StoreService
from tests.tracking_server.database_servers import Stores
from tracking_server import app
from tracking_server.app import Application
from tracking_server.settings import Settings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

REPOSITORY = Path(__file__).resolve().parents[2]
V2 = "/api/2.0/mlflow"


@dataclass
class Api:
    """The API of a server in this process. Calls fail the test where the reply is an error."""

    http: TestClient
    application: Application

    def post(self, path: str, /, **body: Any) -> Any:
        reply = self.http.post(f"{V2}/{path}", json=body)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def get(self, path: str, /, **query: Any) -> Any:
        reply = self.http.get(f"{V2}/{path}", params=query)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def refused(self, method: str, path: str, /, **body: Any) -> tuple[int, str, str]:
        """The status, error code and message of a call that must fail."""
        if method == "GET":
            reply = self.http.get(f"{V2}/{path}", params=body)
        else:
            reply = self.http.request(method, f"{V2}/{path}", json=body)
        assert reply.status_code >= 400, reply.text
        error = reply.json()
        return reply.status_code, error["error_code"], error["message"]

    def experiment(self, name: str = "an experiment", **body: Any) -> str:
        return str(self.post("experiments/create", name=name, **body)["experiment_id"])

    def run(self, experiment_id: str = "0", **body: Any) -> str:
        return str(self.post("runs/create", experiment_id=experiment_id, **body)["run"]["info"]["run_id"])

    def whole_run(self, run_id: str) -> Any:
        return self.get("runs/get", run_id=run_id)["run"]

    def search(self, filter: str = "", **body: Any) -> list[str]:
        """The ids of the runs of the default experiment that pass a filter, in order."""
        body = {"experiment_ids": ["0"], "filter": filter, **body}
        return [run["info"]["run_id"] for run in self.post("runs/search", **body).get("runs", [])]


DATABASES = ("sqlite", "postgresql", "mariadb")
# Test modules that run once on each of them, and what of them is about SQLite alone.
ON_EVERY_DATABASE = {
    "test_compared_runs",
    "test_databases",
    "test_comparing",
    "test_databases_races",
    "test_experiments",
    "test_gc",
    "test_import_again",
    "test_import_broken",
    "test_logged_models",
    "test_metrics",
    "test_model_registry",
    "test_model_versions",
    "test_pages_words",
    "test_reaper",
    "test_registered_models",
    "test_registry",
    "test_registry_races",
    "test_registry_search",
    "test_runs",
    "test_runs_tables",
    "test_search_limits",
    "test_search_runs",
    "test_searches",
    "test_series",
    "test_webhook_races",
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    module = metafunc.module.__name__.rpartition(".")[2]
    if "kind_of_database" in metafunc.fixturenames and module in ON_EVERY_DATABASE:
        metafunc.parametrize("kind_of_database", DATABASES, indirect=True)


@pytest.fixture
def kind_of_database(request: pytest.FixtureRequest) -> str:
    """SQLite; each of DATABASES in turn in modules that run on every database."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture(scope="session")
def postgresql_stores() -> Iterator[Stores]:
    with database_servers.postgresql() as server:
        yield Stores(server)


@pytest.fixture(scope="session")
def mariadb_stores() -> Iterator[Stores]:
    with database_servers.mariadb() as server:
        yield Stores(server)


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
def settings(tmp_path: Path, kind_of_database: str, request: pytest.FixtureRequest) -> Iterator[Settings]:
    uri = f"sqlite:///{tmp_path}/store/mlruns.db"
    stores: Stores | None = None
    if kind_of_database != "sqlite":
        stores = request.getfixturevalue(f"{kind_of_database}_stores")
        uri = stores.take()
    yield Settings(backend_store_uri=uri, artifacts_destination=str(tmp_path / "artifacts"))
    if stores is not None:
        stores.give_back(uri)


@pytest.fixture
def make_api() -> Iterator[Callable[[Settings], Api]]:
    """Puts servers together in this process; they end with the test."""
    clients: list[TestClient] = []

    def make(settings: Settings) -> Api:
        application = app.build(settings)
        client = TestClient(application.asgi, base_url="http://localhost", follow_redirects=False)
        client.__enter__()
        clients.append(client)
        return Api(client, application)

    yield make
    for client in reversed(clients):
        client.__exit__(None, None, None)


@pytest.fixture
def api(make_api: Callable[[Settings], Api], settings: Settings) -> Api:
    return make_api(settings)


@dataclass
class ServerProcess:
    """A real server. `http` knows its address and token."""

    process: subprocess.Popen[bytes]
    http: httpx2.Client
    discovery_file: Path
    log: Path
    started_in_s: float
    lock_fd: int | None = field(default=None)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port, for tests that speak to the socket themselves."""
        url = self.http.base_url
        return url.host, url.port or 80

    @property
    def discovery(self) -> Any:
        return json.loads(self.discovery_file.read_text())

    def post(self, path: str, /, **body: Any) -> Any:
        reply = self.http.post(f"{V2}/{path}", json=body)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def get(self, path: str, /, **query: Any) -> Any:
        reply = self.http.get(f"{V2}/{path}", params=query)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def stop(self, timeout_s: float = 10) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_s)


@pytest.fixture
def wait_for() -> Callable[..., None]:
    """Polls until a condition holds; fails the test after a while."""

    def wait(condition: Callable[[], object], timeout_s: float = 10.0) -> None:
        until = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < until, "waited too long"
            time.sleep(0.01)

    return wait


def command(settings: Settings, *extra: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "tracking_server",
        f"--backend-store-uri={settings.backend_store_uri}",
        f"--artifacts-destination={settings.artifacts_destination}",
        *extra,
    ]


@pytest.fixture
def run_to_end(settings: Settings) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Starts a server that must end by itself, and returns how it did."""

    def run(*extra: str, lock_fd: int | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(settings, *extra),
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            pass_fds=() if lock_fd is None else (lock_fd,),
        )

    return run


@pytest.fixture
def start_server(settings: Settings, tmp_path: Path) -> Iterator[Callable[..., ServerProcess]]:
    """Starts real servers on the test's store; what still runs at the end of the test is killed."""
    started: list[ServerProcess] = []
    numbers = itertools.count()

    def start(*extra: str, lock_fd: int | None = None, **environ: str) -> ServerProcess:
        number = next(numbers)
        store = settings.sqlite_path
        if store is None:
            discovery_file = tmp_path / f"server-{number}.json"
            extra = (*extra, f"--discovery-file={discovery_file}")
        else:
            discovery_file = store.with_name(store.name + ".server")
        if lock_fd is not None:
            extra = (*extra, f"--lock-fd={lock_fd}")
        log = tmp_path / f"server-{number}.log"
        began = time.monotonic()
        with log.open("wb") as output:
            process = subprocess.Popen(
                command(settings, *extra),
                cwd=REPOSITORY,
                stdout=output,
                stderr=output,
                pass_fds=() if lock_fd is None else (lock_fd,),
                start_new_session=True,
                env={**os.environ, **environ, "PYTHONDONTWRITEBYTECODE": ""},
            )
        until = began + 20
        while True:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            try:
                found = json.loads(discovery_file.read_text())
            except (OSError, ValueError):
                time.sleep(0.005)
                continue
            if found["pid"] == process.pid:
                break
            time.sleep(0.005)
        headers = {"Authorization": f"Bearer {found['token']}"} if found["token"] else {}
        http = httpx2.Client(base_url=found["url"], headers=headers, timeout=20, trust_env=False)
        assert http.get("/health").text == "OK"
        server = ServerProcess(process, http, discovery_file, log, time.monotonic() - began, lock_fd)
        started.append(server)
        return server

    yield start
    for server in started:
        server.http.close()
        if server.process.poll() is None:
            server.kill()


@pytest.fixture
def with_settings(settings: Settings) -> Callable[..., Settings]:
    """The test's settings, changed."""
    return lambda **changes: replace(settings, **changes)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 3 MiB."""
    with small_disks(tmp_path) as make:
        yield make(3 << 10)


@dataclass(frozen=True)
class Populated:
    """A real server with something of everything in its store."""

    server: ServerProcess
    experiment_id: str
    run_id: str
    model_id: str


@pytest.fixture
def populated(start_server: Callable[..., ServerProcess]) -> Populated:
    """A server whose store holds an experiment, a run, artifacts, a logged and a registered model."""
    server = start_server()
    experiment = server.post("experiments/create", name="fuzzed")["experiment_id"]
    run = server.post("runs/create", experiment_id=experiment)["run"]["info"]["run_id"]
    metrics = [{"key": "loss", "value": 1 / step, "timestamp": step, "step": step} for step in range(1, 30)]
    texts = [{"key": "lr", "value": "0.1"}]
    server.post("runs/log-batch", run_id=run, metrics=metrics, params=texts, tags=texts)
    model = server.post("logged-models", experiment_id=experiment, name="m", source_run_id=run)["model"]
    server.post("registered-models/create", name="registered")
    server.post("model-versions/create", name="registered", source=f"runs:/{run}/model", run_id=run)
    server.post("registered-models/alias", name="registered", alias="best", version="1")
    server.http.put(
        f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run}/artifacts/model/MLmodel", content=b"x"
    )
    return Populated(server, experiment, run, model["info"]["model_id"])
