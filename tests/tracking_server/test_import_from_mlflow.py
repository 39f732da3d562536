"""Importing what the real MLflow wrote: its own client sees the same afterwards, whatever it came from."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tracking_server.settings import Settings
from tracking_server.store.engine import Database
from tracking_server.store.metadata import metadata

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("mlflow") is None,
    reason="the real MLflow is not installed in this environment",
)

REPOSITORY = Path(__file__).resolve().parents[2]
PROGRAM = Path(__file__).with_name("mlflow_data.py")
TABLES = [table for table in metadata.sorted_tables if table.name != "alembic_version"]


@dataclass(frozen=True)
class Origin:
    """What MLflow wrote: a directory, and a server with its database; `truth` is what its client sees of each."""

    directory: str
    directory_truth: Any
    server: str
    database: str
    artifacts: str
    server_truth: Any


def environ(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "RUNNER_"))}
    return {
        **kept,
        "HOME": str(home),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ALLOW_FILE_STORE": "true",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "GIT_PYTHON_REFRESH": "quiet",
        "PYTHONPATH": str(REPOSITORY),
    }


def mlflow_client(what: str, uri: str, home: Path) -> Any:
    """Run the program with MLflow's client; what it prints, for a census."""
    command = [sys.executable, "-W", "ignore", str(PROGRAM), what, uri]
    done = subprocess.run(
        command, cwd=home, env=environ(home), capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]) if what == "census" else None


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Origin]:
    home = tmp_path_factory.mktemp("mlflow")
    directory = str(home / "mlruns")
    mlflow_client("make", directory, home)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    url, database, artifacts = (
        f"http://127.0.0.1:{port}",
        f"sqlite:///{home}/mlflow.db",
        str(home / "artifacts"),
    )
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--backend-store-uri", database, "--artifacts-destination", artifacts]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=home, env=environ(home), stdout=log, stderr=log, start_new_session=True
        )
    try:
        until = time.monotonic() + 120
        while not _answers(url):
            assert process.poll() is None, (home / "log").read_text()
            assert time.monotonic() < until, (home / "log").read_text()
            time.sleep(0.1)
        mlflow_client("make", url, home)
        yield Origin(
            directory=directory,
            directory_truth=mlflow_client("census", directory, home),
            server=url,
            database=database,
            artifacts=artifacts,
            server_truth=mlflow_client("census", url, home),
        )
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=2) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def import_command(settings: Settings, *arguments: str, to: str | None = None) -> list[str]:
    command = [sys.executable, "-m", "runner.cli.main", "import", "--json", *arguments]
    if to is not None:
        return [*command, "--to", to]
    destination = settings.artifacts_destination
    return [*command, "--to", settings.backend_store_uri, "--artifacts-destination", destination]


def imported(settings: Settings, *arguments: str, to: str | None = None, token: str | None = None) -> Any:
    """The report of an import; only prompts may be missing afterwards."""
    home = Path(os.environ["HOME"])
    variables = environ(home) | ({"MLFLOW_TRACKING_TOKEN": token} if token else {})
    done = subprocess.run(
        import_command(settings, *arguments, to=to),
        cwd=home,
        env=variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 5, done.stderr + done.stdout
    report = json.loads(done.stdout)
    lost = [(problem["kind"], problem["what"]) for problem in report["problems"] if problem["lost"]]
    assert lost == [("prompt", "greeting")]
    return report


def census(server: Any) -> Any:
    return mlflow_client("census", str(server.http.base_url).rstrip("/"), Path(os.environ["HOME"]))


def differences(expected: Any, found: Any, where: str = "") -> list[str]:
    if isinstance(expected, dict) and isinstance(found, dict):
        return [
            difference
            for key in sorted(expected.keys() | found.keys())
            for difference in differences(
                expected.get(key, "absent"), found.get(key, "absent"), f"{where}/{key}"
            )
        ]
    return [] if expected == found else [f"{where}: {str(expected)[:300]} became {str(found)[:300]}"]


@pytest.mark.parametrize("kind", ["directory", "server", "database"])
def test_mlflows_client_sees_the_same_after_an_import(
    origin: Origin, settings: Settings, start_server: Any, kind: str
) -> None:
    truth = origin.directory_truth if kind == "directory" else origin.server_truth
    arguments = {
        "directory": [origin.directory],
        "server": [origin.server],
        "database": [origin.database, "--source-artifacts", origin.artifacts],
    }[kind]

    report = imported(settings, *arguments)

    assert len(truth["experiments"]["first"]["runs"]) == 4
    assert differences(truth, census(start_server())) == []
    done = report["imported"]
    versions = sum(len(model["versions"]) for model in truth["registered"].values())
    assert (done["runs"], done["metric_points"], done["model_versions"]) == (36, 2582, versions)
    assert versions == (4 if kind == "directory" else 3)


def test_into_a_running_server_with_a_token(
    origin: Origin, settings: Settings, start_server: Any, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("a-secret-token")
    server = start_server(f"--token-file={tmp_path / 'token'}")
    server.http.headers["Authorization"] = "Bearer a-secret-token"
    address = str(server.http.base_url).rstrip("/")

    imported(settings, origin.directory, to=address, token="a-secret-token")
    report = imported(settings, origin.directory, to=address, token="a-secret-token")

    assert report["already_here"] == {"runs": 35, "files": 6}
    server.kill()
    assert differences(origin.directory_truth, census(start_server())) == []


def rows(settings: Settings) -> dict[str, list[Any]]:
    """Every row of a store; times of "now" and the order of ids left out."""
    database = Database(settings)
    database.open()
    try:
        return database.read_now(
            lambda connection: {
                table.name: sorted(
                    tuple(
                        str(value)
                        for column, value in zip(table.columns, row, strict=True)
                        if column.name not in ("deleted_at_ms", "updated_at_ms")
                    )
                    for row in connection.execute(table.select())
                )
                for table in TABLES
            }
        )
    finally:
        database.close()


def files(settings: Settings) -> dict[str, bytes]:
    root = Path(settings.artifacts_destination)
    found = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    return {name: content for name, content in found.items() if not name.startswith(".uploads/")}


def test_importing_twice_is_importing_once(origin: Origin, settings: Settings) -> None:
    imported(settings, origin.directory)
    once = rows(settings), files(settings)

    passed_over = imported(settings, origin.directory)
    assert (rows(settings), files(settings)) == once
    assert passed_over["already_here"]["runs"] == 35  # one is RUNNING and may have gone on

    imported(settings, origin.directory, "--again")
    assert (rows(settings), files(settings)) == once


def test_killed_at_many_moments_and_started_again_it_is_as_if_never_killed(
    origin: Origin,
    settings: Settings,
    with_settings: Callable[..., Settings],
    start_server: Any,
    tmp_path: Path,
) -> None:
    undisturbed = with_settings(
        backend_store_uri=f"sqlite:///{tmp_path}/undisturbed.db",
        artifacts_destination=str(tmp_path / "whole"),
    )
    began = time.monotonic()
    imported(undisturbed, origin.directory)
    took_s = time.monotonic() - began
    home = Path(os.environ["HOME"])
    moments = 9
    halves: set[int] = set()

    for moment in range(moments):
        command = import_command(settings, origin.directory)
        with subprocess.Popen(command, cwd=home, env=environ(home), stdout=subprocess.DEVNULL) as process:
            try:
                process.wait(took_s * (moment + 1) / moments)
            except subprocess.TimeoutExpired:
                process.kill()
        store = settings.sqlite_path
        assert store is not None
        if store.exists():
            halves.add(len(rows(settings)["metrics"]))
        if moment % 3 == 2:  # also from the very beginning
            shutil.rmtree(store.parent, ignore_errors=True)
            shutil.rmtree(settings.artifacts_destination, ignore_errors=True)
    imported(settings, origin.directory)

    assert differences(origin.directory_truth, census(start_server())) == []
    whole, again = rows(undisturbed), rows(settings)
    assert {name: len(found) for name, found in again.items()} == {
        name: len(found) for name, found in whole.items()
    }
    assert files(settings) == files(undisturbed)


def test_without_artifacts_runs_lead_to_where_they_are(origin: Origin, settings: Settings) -> None:
    report = imported(settings, origin.directory, "--no-artifacts")

    assert report["imported"]["files"] == 0
    assert files(settings) == {}
    rich = next(run for run in rows(settings)["runs"] if "rich" in run)
    assert any(str(value).startswith(origin.directory) for value in rich)
