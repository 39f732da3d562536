"""Artifacts: through the server and in directories, whole or not at all, and never outside."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from pathlib import Path

import pytest

from tests.tracking_client.proxy import Proxy
from tracking_client.artifact_stores import places, transfers
from tracking_client.artifact_stores.directory import DirectoryRoot
from tracking_client.artifact_stores.file_slice import FileSlice
from tracking_client.artifact_stores.places import artifact_root
from tracking_client.artifact_stores.proxied import ProxiedRoot
from tracking_client.artifact_stores.root import Moved, unheard
from tracking_client.client import TrackingClient
from tracking_client.connection import Patience
from tracking_client.errors import ArtifactError, InvalidArgument, NotFound
from tracking_client.tracking_uri import RemoteServer
from tracking_client.transport import Transport


@pytest.fixture(params=["served", "directory"])
def run_id(client: TrackingClient, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A run whose artifacts the server keeps, and one whose artifacts are in a directory."""
    name = f"{request.node.name} {os.urandom(4).hex()}"
    location = None if request.param == "served" else str(tmp_path / "root 'a b")
    return client.create_run(client.create_experiment(name, location)).info.run_id


@pytest.fixture
def direct(proxy: Proxy) -> Transport:
    """A transport to a server that answers what the test plans."""
    return Transport(RemoteServer(url=proxy.url), patience=Patience(first_pause_s=0.01))


def test_files_and_directories_come_back_as_they_went(
    client: TrackingClient, run_id: str, tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    names = ["a.txt", "deep/er/b.bin", "deep/ä ö 'q' \"r.txt", "empty"]
    for name in names:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(b"" if name == "empty" else name.encode() * 100)
    client.log_artifacts(run_id, tree)
    client.log_artifacts(run_id, tree / "deep", "again/here")
    client.log_artifact(run_id, tree / "a.txt", "single")
    client.log_artifact(run_id, tree / "deep", "folder")
    assert [(item.path, item.is_dir, item.file_size) for item in client.list_artifacts(run_id)] == [
        ("a.txt", False, 500),
        ("again", True, None),
        ("deep", True, None),
        ("empty", False, 0),
        ("folder", True, None),
        ("single", True, None),
    ]
    assert [item.path for item in client.list_artifacts(run_id, "deep/er")] == ["deep/er/b.bin"]
    fetched = Path(client.download_artifacts(run_id, "", tmp_path / "fetched"))
    for name in names:
        assert (fetched / name).read_bytes() == (tree / name).read_bytes()
    assert (fetched / "again/here/er/b.bin").read_bytes() == (tree / "deep/er/b.bin").read_bytes()
    assert (fetched / "folder/deep/er/b.bin").is_file()
    assert Path(client.download_artifacts(run_id, "single/a.txt")).read_text() == "a.txt" * 100


def test_texts_and_values_are_stored_as_files(client: TrackingClient, run_id: str) -> None:
    client.log_text(run_id, "größer", "notes/text.md")
    client.log_dict(run_id, {"a": [1, None]}, "value.json")
    client.log_dict(run_id, {"a": [1, None]}, "value.yaml")
    assert Path(client.download_artifacts(run_id, "notes/text.md")).read_text(encoding="utf-8") == "größer"
    assert json.loads(Path(client.download_artifacts(run_id, "value.json")).read_text()) == {"a": [1, None]}
    assert Path(client.download_artifacts(run_id, "value.yaml")).read_text() == "a:\n- 1\n- null\n"


def test_a_large_file_streams(client: TrackingClient, run_id: str, tmp_path: Path) -> None:
    data = os.urandom(1 << 20) * 24
    (tmp_path / "large").write_bytes(data)
    client.log_artifact(run_id, tmp_path / "large")
    fetched = Path(client.download_artifacts(run_id, "large", tmp_path / "fetched"))
    assert hashlib.sha256(fetched.read_bytes()).digest() == hashlib.sha256(data).digest()
    assert os.listdir(tmp_path / "fetched") == ["large"]


def test_what_is_not_there_is_not_found(client: TrackingClient, run_id: str, tmp_path: Path) -> None:
    assert client.list_artifacts(run_id) == []
    assert client.list_artifacts(run_id, "nowhere") == []
    with pytest.raises(NotFound):
        client.download_artifacts(run_id, "nowhere", tmp_path)
    with pytest.raises(NotFound):
        client.download_artifacts(run_id, "nowhere")
    with pytest.raises(FileNotFoundError):
        client.log_artifact(run_id, tmp_path / "nowhere")
    with pytest.raises(NotADirectoryError):
        client.log_artifacts(run_id, tmp_path / "nowhere")


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", ".."])
def test_no_artifact_leaves_its_run(client: TrackingClient, run_id: str, path: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument):
        client.log_text(run_id, "x", path)
    with pytest.raises(InvalidArgument):
        client.log_artifact(run_id, tmp_path, path)
    with pytest.raises(InvalidArgument):
        client.download_artifacts(run_id, path)


@pytest.mark.parametrize("name", ["..", ".", "/", "", "a\\..\\b"])
def test_a_server_cannot_make_a_download_write_elsewhere(
    proxy: Proxy, direct: Transport, tmp_path: Path, name: str
) -> None:
    proxy.plan = [(200, {}, json.dumps({"files": [{"path": name, "is_dir": False}]}).encode())]
    with pytest.raises(ArtifactError, match="unusable name"):
        transfers.download(ProxiedRoot("1/r/artifacts", direct), "", tmp_path / "into")
    proxy.plan = [(200, {}, json.dumps({"files": [{"path": "../../up", "is_dir": False}]}).encode())]
    transfers.download(ProxiedRoot("1/r/artifacts", direct), "", tmp_path / "into")
    assert sorted(os.listdir(tmp_path)) == ["into"]


def test_an_upload_is_tried_again_from_the_start(proxy: Proxy, direct: Transport, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 300_000)
    proxy.plan = ["lose", (503, {}, b"")]
    ProxiedRoot("1/r/artifacts", direct).put(tmp_path / "file", "sub/file")
    assert proxy.paths() == ["PUT /api/2.0/mlflow-artifacts/artifacts/1/r/artifacts/sub/file"] * 3
    assert [len(body) for _, _, _, body in proxy.requests] == [300_000] * 3


def test_a_file_that_grows_is_stored_as_it_was(proxy: Proxy, direct: Transport, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * 100)
    bodies = FileSlice(path, 0, 100)
    with path.open("ab") as log:
        log.write(b"more")
    assert bodies.read() == b"x" * 100
    assert bodies.read() == b""
    bodies.close()
    shrunk = FileSlice(path, 0, 1000)
    assert len(shrunk.read(1000)) == 104
    with pytest.raises(ArtifactError, match="became shorter"):
        shrunk.read(60)
    shrunk.close()
    ProxiedRoot("r", direct).put(path, "log")
    assert proxy.requests[-1][3] == b"x" * 100 + b"more"


def test_a_download_that_breaks_off_leaves_nothing(proxy: Proxy, direct: Transport, tmp_path: Path) -> None:
    whole: tuple[int, dict[str, str], bytes] = (200, {}, b"x" * 100)
    short = (200, {"Content-Length": "200"}, b"x" * 100)
    root = ProxiedRoot("r", direct)
    proxy.plan = [short, whole]
    root.get("a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"x" * 100
    proxy.plan = [short, short, short]
    with pytest.raises(ArtifactError, match="broke off"):
        root.get("b", tmp_path / "b")
    assert os.listdir(tmp_path) == ["a"]


def test_several_files_go_at_once(direct: Transport, tmp_path: Path) -> None:
    together = threading.Barrier(4)

    class Counting(DirectoryRoot):
        def put(self, local_path: Path, path: str, moved: Moved = unheard) -> None:
            together.wait(timeout=10)
            super().put(local_path, path, moved)

    for index in range(8):
        (tmp_path / f"{index}").write_text("x")
    files = transfers.files_under(tmp_path, "in")
    transfers.put_files(Counting(tmp_path / "root"), files)
    assert len(os.listdir(tmp_path / "root" / "in")) == 8


def test_the_first_failure_ends_the_others(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    (tmp_path / "b").write_text("x")
    files = [(tmp_path / "a", "a"), (tmp_path / "missing", "m"), (tmp_path / "b", "b")]
    with pytest.raises(FileNotFoundError):
        transfers.put_files(DirectoryRoot(tmp_path / "root"), files)


def test_roots_are_read_from_their_uri(direct: Transport, tmp_path: Path) -> None:
    assert isinstance(artifact_root("mlflow-artifacts:/1/r/artifacts", direct), ProxiedRoot)
    for uri in (f"file://{tmp_path}/a%20b", f"{tmp_path}/a b"):
        root = artifact_root(uri, direct)
        assert isinstance(root, DirectoryRoot)
        assert root.local_path("x") == tmp_path / "a b" / "x"


@pytest.mark.parametrize(
    ("uri", "kind"), [("s3://bucket/x", "s3"), ("gs://bucket", "gcs"), ("abfss://c@acc.dfs.x.net/p", "azure")]
)
def test_a_store_whose_library_lacks_names_the_extra_and_the_way_out(
    direct: Transport, uri: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(places._LIBRARIES, kind, "no_such_package.at_all")
    with pytest.raises(ArtifactError) as caught:
        artifact_root(uri, direct)
    assert f"runner[{kind}]" in str(caught.value)
    assert "--artifacts-destination" in str(caught.value)


@pytest.mark.parametrize(
    "uri", ["ftp://host/x", "s3://", "s3://a:secret@bucket/x", "s3://b?versionId=1", "wasbs://container/x"]
)
def test_a_uri_that_names_no_place_says_so_without_its_password(direct: Transport, uri: str) -> None:
    with pytest.raises(ArtifactError) as caught:
        artifact_root(uri, direct)
    assert "secret" not in str(caught.value)
