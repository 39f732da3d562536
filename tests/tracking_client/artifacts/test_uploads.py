"""Uploads of large files in parts, through servers that take parts and through those that do not."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.tracking_client import mlflow_server
from tests.tracking_client.proxy import Proxy
from tests.tracking_client.servers import wait_until
from tests.tracking_server.artifact_services import StoreService, free_port
from tracking_client.artifact_stores import multipart, parts, signed
from tracking_client.artifact_stores.parts import Part
from tracking_client.artifact_stores.proxied import ProxiedRoot
from tracking_client.artifact_stores.root import unheard
from tracking_client.client import TrackingClient
from tracking_client.connection import Patience
from tracking_client.errors import ArtifactError, ServerFault, TransportError
from tracking_client.tracking_uri import RemoteServer
from tracking_client.transport import Transport

MIB = 1 << 20
pytestmark = pytest.mark.usefixtures("small_parts")
PARTS = "PUT /api/2.0/mlflow-artifacts/mpu/part/"


@pytest.fixture
def run_id(client: TrackingClient, experiment_id: str) -> str:
    return client.create_run(experiment_id).info.run_id


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file of three parts."""
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(12 * MIB))
    return path


def _parts_put(proxy: Proxy) -> list[str]:
    return sorted(path.rpartition("/")[2] for path in proxy.paths() if path.startswith(PARTS))


def _content(client: TrackingClient, run_id: str, path: str) -> bytes:
    return Path(client.download_artifacts(run_id, path)).read_bytes()


def test_a_large_file_goes_in_parts_by_the_address_that_the_client_has(
    client: TrackingClient, through: TrackingClient, run_id: str, large: Path, proxy: Proxy
) -> None:
    moved: list[int] = []
    through.artifact_root(run_id).put(large, "in/other name.bin", moved.append)
    assert _parts_put(proxy) == ["1", "2", "3"]
    assert sum(moved) == 12 * MIB
    assert _content(client, run_id, "in/other name.bin") == large.read_bytes()


def test_only_the_part_that_was_lost_goes_again(
    client: TrackingClient, through: TrackingClient, run_id: str, large: Path, proxy: Proxy
) -> None:
    root = through.artifact_root(run_id)
    proxy.requests.clear()
    proxy.plan = ["pass", "lose", (503, {}, b"{}")]
    moved: list[int] = []
    root.put(large, "large.bin", moved.append)
    assert len(_parts_put(proxy)) == 5
    assert sum(moved) == 12 * MIB
    assert _content(client, run_id, "large.bin") == large.read_bytes()


def test_an_upload_that_failed_goes_on_when_it_is_asked_for_again(
    client: TrackingClient, run_id: str, large: Path, proxy: Proxy, through: TrackingClient
) -> None:
    impatient = Patience(deadline_s=20, max_retries=0, first_pause_s=0.01)
    transport = Transport(RemoteServer(url=proxy.url), patience=impatient)
    known = through.artifact_root(run_id)
    assert isinstance(known, ProxiedRoot)
    root = ProxiedRoot(known._prefix, transport)
    proxy.requests.clear()
    # Two parts arrive; a third does not, and neither does the whole.
    proxy.plan = ["pass", "pass", "pass", (503, {}, b"{}")]
    with pytest.raises((ServerFault, TransportError)):
        root.put(large, "large.bin")
    assert client.list_artifacts(run_id) == []
    first = len(_parts_put(proxy))
    assert first == 3
    moved: list[int] = []
    root.put(large, "large.bin", moved.append)
    assert len(_parts_put(proxy)) == first + 1
    assert sum(moved) == 12 * MIB
    assert _content(client, run_id, "large.bin") == large.read_bytes()


def test_a_file_that_changed_after_a_failure_begins_anew(
    client: TrackingClient, run_id: str, large: Path, proxy: Proxy, through: TrackingClient
) -> None:
    transport = Transport(RemoteServer(url=proxy.url), patience=Patience(max_retries=0))
    known = through.artifact_root(run_id)
    assert isinstance(known, ProxiedRoot)
    root = ProxiedRoot(known._prefix, transport)
    proxy.plan = ["pass", "pass", "pass", (503, {}, b"{}")]
    with pytest.raises((ServerFault, TransportError)):
        root.put(large, "large.bin")
    large.write_bytes(os.urandom(11 * MIB))
    root.put(large, "large.bin")
    assert _content(client, run_id, "large.bin") == large.read_bytes()


def test_an_upload_that_the_server_forgot_begins_anew(
    client: TrackingClient, run_id: str, large: Path
) -> None:
    root = client.artifact_root(run_id)
    assert isinstance(root, ProxiedRoot)
    path = f"{root._prefix}/large.bin"
    left = root._uploads._begun(large, path, parts.of_upload(12 * MIB))
    assert left is not None
    told = {"path": left.name, "upload_id": left.upload_id}
    client.transport.call("POST", f"/api/2.0/mlflow-artifacts/mpu/abort/{left.directory}", body=told)
    root._uploads._unfinished[path] = left
    moved: list[int] = []
    root.put(large, "large.bin", moved.append)
    assert sum(moved) == 12 * MIB
    assert _content(client, run_id, "large.bin") == large.read_bytes()
    assert root._uploads._unfinished == {}


def test_a_part_that_arrives_otherwise_is_noticed(
    run_id: str, large: Path, proxy: Proxy, through: TrackingClient
) -> None:
    root = through.artifact_root(run_id)
    proxy.plan = ["pass", *[(200, {"ETag": '"00000000000000000000000000000000"'}, b"{}")] * 8]
    with pytest.raises(ArtifactError, match="does not arrive as it is here"):
        root.put(large, "large.bin")
    assert through.list_artifacts(run_id) == []


def test_mlflows_switch_sends_everything_in_one_piece(
    run_id: str, large: Path, proxy: Proxy, through: TrackingClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(multipart.ENABLED, "false")
    through.log_artifact(run_id, large)
    assert _parts_put(proxy) == []
    assert through.list_artifacts(run_id)[0].file_size == 12 * MIB


def test_a_server_of_this_machine_gets_it_in_one_piece(
    run_id: str, large: Path, proxy: Proxy, through: TrackingClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(multipart.ENABLED)
    root = through.artifact_root(run_id)
    proxy.requests.clear()
    root.put(large, "large.bin")
    assert [path.split("/")[4:6] for path in proxy.paths()] == [
        ["mpu", "create"],
        ["mpu", "abort"],
        ["artifacts", through.get_run(run_id).info.experiment_id],
    ]
    assert root.entries("")[0].file_size == 12 * MIB


@pytest.mark.skipif(mlflow_server.COMMAND is None, reason="the mlflow command is not installed")
def test_mlflows_server_with_a_directory_gets_it_in_one_piece(
    mlflow_url: str, large: Path, tmp_path: Path
) -> None:
    client = TrackingClient(mlflow_url)
    run_id = client.create_run(client.create_experiment(f"large {uuid.uuid4().hex}")).info.run_id
    moved: list[int] = []
    client.artifact_root(run_id).put(large, "in/large.bin", moved.append)
    assert sum(moved) == 12 * MIB
    fetched = client.download_artifacts(run_id, "in/large.bin", tmp_path / "got")
    assert Path(fetched).read_bytes() == large.read_bytes()


@contextlib.contextmanager
def _server(destination: str, directory: Path, *, of_mlflow: bool) -> Iterator[str]:
    """A server that keeps artifacts in an object store."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "tracking_server"]
    if of_mlflow:
        assert mlflow_server.COMMAND is not None
        command = [mlflow_server.COMMAND, "server", "--workers", "1"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--artifacts-destination", destination]
    command += ["--backend-store-uri", f"sqlite:///{directory}/m.db"]
    directory.mkdir()
    log = directory / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=directory,
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
            start_new_session=True,
        )

    def answers() -> bool:
        import urllib.request

        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError):
            return bool(urllib.request.urlopen(f"{url}/health", timeout=2).status == 200)
        return False

    try:
        wait_until(answers, "the server answers", 120)
        yield url
    finally:
        os.killpg(process.pid, 9)
        process.wait(10)


@pytest.mark.parametrize(("kind", "of_mlflow"), [("s3", False), ("azure", False), ("s3", True)])
def test_parts_go_to_the_store_where_the_server_signs(
    reached: Callable[[str], StoreService], tmp_path: Path, large: Path, kind: str, *, of_mlflow: bool
) -> None:
    service = reached(kind)
    with _server(f"{service.root}/{uuid.uuid4().hex}", tmp_path / "server", of_mlflow=of_mlflow) as url:
        client = TrackingClient(url)
        run_id = client.create_run(client.create_experiment("x")).info.run_id
        pieces = parts.of_upload(12 * MIB)
        root = client.artifact_root(run_id)
        assert isinstance(root, ProxiedRoot)
        assert root._uploads.put(large, f"{root._prefix}/in/large.bin", pieces, unheard)
        fetched = client.download_artifacts(run_id, "in/large.bin", tmp_path / "got")
        assert Path(fetched).read_bytes() == large.read_bytes()
        assert client.list_artifacts(run_id, "in")[0].file_size == 12 * MIB
        client.transport.close()
    assert kind != "s3" or service.unfinished_uploads() == 0


def test_a_store_that_only_the_server_reaches_is_reached_through_it(
    proxy: Proxy, large: Path, tmp_path: Path
) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/bucket?X-Amz-Signature=secret"
    credentials = [{"url": nowhere, "part_number": number} for number in (1, 2, 3)]
    begun = json.dumps({"upload_id": "u", "credentials": credentials}).encode()
    proxy.plan = [(200, {}, begun)]
    patience = Patience(deadline_s=1, max_retries=0)
    root = ProxiedRoot("r", Transport(RemoteServer(url=proxy.url), patience=patience))
    moved: list[int] = []
    root.put(large, "large.bin", moved.append)
    assert proxy.paths() == [
        "POST /api/2.0/mlflow-artifacts/mpu/create/r",
        "POST /api/2.0/mlflow-artifacts/mpu/abort/r",
        "PUT /api/2.0/mlflow-artifacts/artifacts/r/large.bin",
    ]
    assert proxy.requests[-1][3] == large.read_bytes()
    assert sum(moved) == 12 * MIB


def test_a_store_checks_each_part_and_gets_no_credentials_of_the_server(
    proxy: Proxy, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "a secret")
    proxy.plan = [(503, {}, b""), (200, {"ETag": '"tag"', "Content-Length": "0"}, b"")]
    patience = Patience(first_pause_s=0.01)
    part = Part(2, 5 * MIB, 10 * MIB)
    url = f"{proxy.url}/b?X-Amz-Signature=s"
    assert signed.put_part(url, {"x-own": "1"}, large, part, unheard, patience) == '"tag"'
    for _, _, headers, body in proxy.requests:
        assert body == large.read_bytes()[5 * MIB : 10 * MIB]
        md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
        assert (headers["Content-MD5"], headers["x-own"]) == (md5, "1")
        assert "Authorization" not in headers
    proxy.plan = [(403, {}, b"<Error>secret</Error>")]
    with pytest.raises(signed.Refused, match="answered 403") as caught:
        signed.put_part(url, {}, large, part, unheard, patience)
    assert "Signature" not in str(caught.value)


def test_small_files_go_in_one_request(run_id: str, proxy: Proxy, through: TrackingClient) -> None:
    through.artifact_root(run_id)
    proxy.requests.clear()
    through.log_text(run_id, "x", "small.txt")
    assert [path.partition(" ")[0] for path in proxy.paths()] == ["PUT"]
    assert parts.of_upload(6 * MIB - 1) == [Part(1, 0, 6 * MIB - 1)]
