"""Runs whose artifacts are in an object store that the client reads and writes itself."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tracking_client.scripts import Scripts
from tests.tracking_server.artifact_services import BUCKET, StoreService, put_object
from tracking_client.artifact_stores import places
from tracking_client.artifact_stores.bucket import BucketRoot
from tracking_client.client import TrackingClient
from tracking_client.errors import ArtifactError, NotFound

MIB = 1 << 20
KINDS = ["s3", "azure", "gcs"]


@pytest.fixture(params=KINDS)
def store_service(request: pytest.FixtureRequest, reached: Callable[[str], StoreService]) -> StoreService:
    """A store of every kind."""
    return reached(request.param)


@pytest.fixture
def run_id(client: TrackingClient, store_service: StoreService) -> str:
    """A run whose artifacts are in the store."""
    return _run_in(client, store_service)


def _run_in(client: TrackingClient, service: StoreService) -> str:
    name = f"direct {uuid.uuid4().hex}"
    return client.create_run(client.create_experiment(name, f"{service.root}/{name}")).info.run_id


def _key(client: TrackingClient, run_id: str, path: str) -> str:
    root = client.artifact_root(run_id)
    assert isinstance(root, BucketRoot)
    return root._key(path)


def test_trees_come_back_as_they_went(client: TrackingClient, run_id: str, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    names = ["a.txt", "deep/er/b.bin", "deep/ä ö 'q' \"r+%20[1].txt", "empty"]
    for name in names:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(b"" if name == "empty" else name.encode() * 100)
    client.log_artifacts(run_id, tree)
    client.log_artifact(run_id, tree / "deep", "folder")
    client.log_text(run_id, "later", "a.txt")
    assert [(item.path, item.is_dir, item.file_size) for item in client.list_artifacts(run_id)] == [
        ("a.txt", False, 5),
        ("deep", True, None),
        ("empty", False, 0),
        ("folder", True, None),
    ]
    assert [item.path for item in client.list_artifacts(run_id, "deep/er")] == ["deep/er/b.bin"]
    assert client.list_artifacts(run_id, "a.txt") == client.list_artifacts(run_id, "nowhere") == []
    fetched = Path(client.download_artifacts(run_id, "", tmp_path / "fetched"))
    for name in names[1:]:
        assert (fetched / name).read_bytes() == (tree / name).read_bytes()
    assert (fetched / "a.txt").read_text() == "later"
    assert (fetched / "folder/deep/er/b.bin").is_file()
    assert Path(client.download_artifacts(run_id, "empty")).read_bytes() == b""


def test_what_is_not_there_is_not_found(client: TrackingClient, run_id: str, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        client.download_artifacts(run_id, "nowhere", tmp_path / "into")
    assert list((tmp_path / "into").rglob("*.part")) == []


@pytest.mark.usefixtures("small_parts")
def test_a_large_file_goes_and_comes_in_parts(client: TrackingClient, run_id: str, tmp_path: Path) -> None:
    data = os.urandom(12 * MIB + 17)
    (tmp_path / "large.bin").write_bytes(data)
    moved: list[int] = []
    root = client.artifact_root(run_id)
    root.put(tmp_path / "large.bin", "in/large.bin", moved.append)
    assert client.list_artifacts(run_id, "in")[0].file_size == len(data)
    root.get("in/large.bin", tmp_path / "fetched" / "large.bin", moved.append)
    assert (tmp_path / "fetched" / "large.bin").read_bytes() == data
    assert os.listdir(tmp_path / "fetched") == ["large.bin"]
    assert sum(moved) == 2 * len(data)


def test_mlflows_client_fetches_what_was_stored_here_and_the_other_way_round(
    client: TrackingClient, run_id: str, tmp_path: Path, repository: Path
) -> None:
    data = os.urandom(3 * MIB)
    (tmp_path / "ours.bin").write_bytes(data)
    client.log_artifact(run_id, tmp_path / "ours.bin", "deep er")
    source = (
        "import json, sys, mlflow\n"
        "client = mlflow.MlflowClient()\n"
        "run_id, into = sys.argv[1:]\n"
        "found = open(client.download_artifacts(run_id, 'deep er/ours.bin', into), 'rb').read()\n"
        "client.log_text(run_id, 'theirs', 'deep er/theirs.txt')\n"
        "listed = [(item.path, item.is_dir, item.file_size) for item in client.list_artifacts(run_id, 'deep er')]\n"
        "import hashlib; print(json.dumps([hashlib.sha256(found).hexdigest(), listed]))\n"
    )
    (tmp_path / "by mlflow").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", source, run_id, str(tmp_path / "by mlflow")],
        cwd=repository,
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    import hashlib

    digest, listed = json.loads(done.stdout.splitlines()[-1])
    assert digest == hashlib.sha256(data).hexdigest()
    ours = [[item.path, item.is_dir, item.file_size] for item in client.list_artifacts(run_id, "deep er")]
    assert listed == ours
    assert Path(client.download_artifacts(run_id, "deep er/theirs.txt")).read_text() == "theirs"


def test_what_the_store_has_already_is_not_sent_again(
    client: TrackingClient, run_id: str, tmp_path: Path
) -> None:
    (tmp_path / "file.bin").write_bytes(os.urandom(2 * MIB))
    client.log_artifact(run_id, tmp_path / "file.bin")
    root = client.artifact_root(run_id)
    assert isinstance(root, BucketRoot)
    before = root.bucket.facts(_key(client, run_id, "file.bin"))
    sent: list[object] = []
    put = type(root.bucket).put
    try:
        type(root.bucket).put = lambda *arguments: sent.append(put(*arguments))  # type: ignore[method-assign]  # counted, and carried out
        client.log_artifact(run_id, tmp_path / "file.bin")
        assert len(sent) == 0
        (tmp_path / "file.bin").write_bytes(os.urandom(2 * MIB))
        client.log_artifact(run_id, tmp_path / "file.bin")
        assert len(sent) == 1
    finally:
        type(root.bucket).put = put  # type: ignore[method-assign]  # as it was
    after = root.bucket.facts(_key(client, run_id, "file.bin"))
    assert after.checksum != before.checksum


def test_what_is_here_already_is_fetched_only_where_it_differs(
    client: TrackingClient, run_id: str, tmp_path: Path
) -> None:
    client.log_text(run_id, "stored", "file.txt")
    local = Path(client.download_artifacts(run_id, "", tmp_path / "into")) / "file.txt"
    os.utime(local, ns=(1, 1))
    client.download_artifacts(run_id, "", tmp_path / "into")
    assert local.stat().st_mtime_ns == 1
    local.write_text("storee")
    client.download_artifacts(run_id, "", tmp_path / "into")
    assert local.read_text() == "stored"


def test_names_that_others_made_lead_nowhere(
    client: TrackingClient, run_id: str, store_service: StoreService, tmp_path: Path
) -> None:
    # The emulator of Google's store breaks off at names with dots.
    evil = ("back\\slash",) if store_service.kind == "gcs" else ("..\\up.txt", "deep/..\\..\\x")
    for name in ("good.txt", "deep/ok", *evil):
        put_object(store_service, _key(client, run_id, name), b"x")
    client.download_artifacts(run_id, "", tmp_path / "in" / "to")
    here = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert here == {"in/to/good.txt", "in/to/deep/ok"}


def test_a_store_that_is_not_there_is_told_without_secrets(
    client: TrackingClient, store_service: StoreService
) -> None:
    uri = store_service.root.replace(BUCKET, "no-such-bucket-at-all")
    root = places.artifact_root(f"{uri}/x", client.transport)
    assert root.entries("") == []
    with pytest.raises((ArtifactError, NotFound)) as caught:
        client.log_text(_run_elsewhere(client, uri), "x", "x.txt")
    for secret in store_service.environ.values():
        assert secret not in str(caught.value)


def _run_elsewhere(client: TrackingClient, uri: str) -> str:
    name = f"elsewhere {uuid.uuid4().hex}"
    return client.create_run(client.create_experiment(name, f"{uri}/{name}")).info.run_id


LOGS = """
import sys
import tracking_client as tracking
with tracking.start_run(experiment_id=sys.argv[1]) as run:
    print(run.info.run_id)
    tracking.log_text("one", "1.txt")
    tracking.log_text("two", "2.txt")
    tracking.log_metric("m", 1.0)
"""


def test_files_wait_in_the_journal_while_a_store_that_the_program_writes_to_is_away(
    client: TrackingClient, reached: Callable[[str], StoreService], scripts: Scripts
) -> None:
    service = reached("s3")
    name = f"away {uuid.uuid4().hex}"
    experiment_id = client.create_experiment(name, f"{service.root}/{name}")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
        # The library itself tries for half a minute: once is enough here.
        done = scripts.run(LOGS, experiment_id, MLFLOW_S3_ENDPOINT_URL=nowhere, RUNNER_FLUSH_DEADLINE_S="0.1")
    assert done.returncode == 0, done.stderr
    assert "2 files (0.0 MB) are not sent yet" in done.stderr
    run_id = done.stdout.strip()

    sent = scripts.run("from runner.cli.main import main; main()", "sync")

    assert sent.returncode == 0, sent.stderr
    for path, text in (("1.txt", "one"), ("2.txt", "two")):
        assert Path(client.download_artifacts(run_id, path)).read_text() == text
    run = client.get_run(run_id)
    assert (run.data.metrics, run.info.status) == ({"m": 1.0}, "FINISHED")


KILLED = """
import os, sys
from pathlib import Path
from tracking_client.client import TrackingClient
run_id, path = sys.argv[1:]
total = 0
def moved(size_bytes):
    global total
    total += max(size_bytes, 0)  # the library reads all of it twice, first for a checksum
    if total > 60 << 20:
        os.kill(os.getpid(), 9)
TrackingClient().artifact_root(run_id).put(Path(path), "large.bin", moved)
"""


@pytest.mark.usefixtures("small_parts")
def test_an_upload_to_s3_goes_on_where_a_killed_process_left_it(
    client: TrackingClient, reached: Callable[[str], StoreService], scripts: Scripts, tmp_path: Path
) -> None:
    service = reached("s3")
    run_id = _run_in(client, service)
    data = os.urandom(40 * MIB)
    (tmp_path / "large.bin").write_bytes(data)
    before = service.unfinished_uploads()
    done = scripts.run(KILLED, run_id, str(tmp_path / "large.bin"))
    assert done.returncode == -9, done.stderr
    assert service.unfinished_uploads() == before + 1
    sent: list[int] = []
    client.artifact_root(run_id).put(tmp_path / "large.bin", "large.bin", sent.append)
    assert service.unfinished_uploads() == before
    assert sum(sent) == len(data)
    assert max(sent) >= 5 * MIB, "no part was taken over"
    assert Path(client.download_artifacts(run_id, "large.bin")).read_bytes() == data


@pytest.mark.usefixtures("small_parts")
def test_an_upload_that_somebody_else_began_with_other_content_is_left_alone(
    client: TrackingClient, reached: Callable[[str], StoreService], tmp_path: Path
) -> None:
    service = reached("s3")
    run_id = _run_in(client, service)
    key = _key(client, run_id, "large.bin")
    boto = service.boto()
    begun = boto.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    boto.upload_part(Bucket=BUCKET, Key=key, UploadId=begun, PartNumber=1, Body=b"x" * 5 * MIB)
    data = os.urandom(11 * MIB)
    (tmp_path / "large.bin").write_bytes(data)
    client.artifact_root(run_id).put(tmp_path / "large.bin", "large.bin")
    (left,) = boto.list_parts(Bucket=BUCKET, Key=key, UploadId=begun)["Parts"]
    assert left["Size"] == 5 * MIB
    boto.abort_multipart_upload(Bucket=BUCKET, Key=key, UploadId=begun)
    boto.close()
    assert Path(client.download_artifacts(run_id, "large.bin")).read_bytes() == data


def test_a_malformed_setting_says_which(
    client: TrackingClient, reached: Callable[[str], StoreService], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = _run_in(client, reached("s3"))
    monkeypatch.setenv("MLFLOW_S3_UPLOAD_EXTRA_ARGS", "{not json")
    with pytest.raises(Exception, match="MLFLOW_S3_UPLOAD_EXTRA_ARGS"):
        client.log_text(run_id, "x", "x.txt")


def test_the_wrong_accounts_connection_string_is_noticed(
    client: TrackingClient, reached: Callable[[str], StoreService]
) -> None:
    reached("azure")
    root = places.artifact_root("wasbs://c@another.blob.core.windows.net/x", client.transport)
    with pytest.raises(ArtifactError, match="and not for 'another'"):
        root.entries("")
