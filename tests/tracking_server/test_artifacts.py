"""The endpoints of artifacts, and the directory they write to."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

PROXY = "/api/2.0/mlflow-artifacts/artifacts"


def put(api: Any, path: str, body: bytes = b"content") -> Any:
    return api.http.put(f"{PROXY}/{path}", content=body)


def files(root: str) -> list[str]:
    """Every file under a directory, uploads in progress included."""
    return sorted(str(path.relative_to(root)) for path in Path(root).rglob("*") if path.is_file())


def test_what_is_put_is_got_listed_and_deleted(api: Any) -> None:
    assert put(api, "1/run/artifacts/sub/ä file.txt", b"bytes \x00\xff").json() == {}

    got = api.http.get(f"{PROXY}/1/run/artifacts/sub/ä file.txt")
    listed = api.http.get(PROXY, params={"path": "1/run/artifacts"}).json()
    inside = api.http.get(PROXY, params={"path": "1/run/artifacts/sub"}).json()
    deleted = api.http.delete(f"{PROXY}/1/run/artifacts/sub/ä file.txt")

    assert got.content == b"bytes \x00\xff"
    assert listed == {"files": [{"path": "sub", "is_dir": True}]}
    assert inside == {"files": [{"path": "ä file.txt", "is_dir": False, "file_size": 8}]}
    assert deleted.json() == {}
    assert api.http.get(f"{PROXY}/1/run/artifacts/sub/ä file.txt").status_code == 404


def test_directories_are_deleted_whole(api: Any) -> None:
    put(api, "1/a/b.txt")
    put(api, "1/a/c/d.txt")

    api.http.delete(f"{PROXY}/1/a")

    assert api.http.get(PROXY, params={"path": "1"}).json() == {}


def test_a_file_is_replaced_in_one_step(api: Any, settings: Any) -> None:
    put(api, "x.bin", b"old" * 1000)
    put(api, "x.bin", b"new")

    assert api.http.get(f"{PROXY}/x.bin").content == b"new"
    assert files(settings.artifacts_destination) == ["x.bin"]


def test_empty_and_large_files(api: Any) -> None:
    large = bytes(range(256)) * 20_000
    put(api, "empty", b"")
    put(api, "large", large)

    assert api.http.get(f"{PROXY}/empty").content == b""
    assert api.http.get(f"{PROXY}/large").content == large


def test_downloads_are_attachments_that_browsers_do_not_sniff(api: Any) -> None:
    put(api, "page.html", b"<script>alert(1)</script>")
    put(api, "MLmodel", b"flavors: {}")

    page = api.http.get(f"{PROXY}/page.html")
    model = api.http.get(f"{PROXY}/MLmodel")

    assert page.headers["content-disposition"].startswith("attachment;")
    assert page.headers["x-content-type-options"] == "nosniff"
    assert model.headers["content-type"].startswith("text/plain")


def test_a_runs_artifacts_are_listed_relative_to_the_run(api: Any) -> None:
    run_id = api.run()
    put(api, f"0/{run_id}/artifacts/model/weights.bin", b"12345")

    top = api.get("artifacts/list", run_id=run_id)
    sub = api.get("artifacts/list", run_id=run_id, path="model")
    got = api.http.get("/get-artifact", params={"run_id": run_id, "path": "model/weights.bin"})

    assert top == {
        "root_uri": f"mlflow-artifacts:/0/{run_id}/artifacts",
        "files": [{"path": "model", "is_dir": True}],
    }
    assert sub["files"] == [{"path": "model/weights.bin", "is_dir": False, "file_size": 5}]
    assert got.content == b"12345"


def test_browsers_upload_small_files_to_a_run(api: Any) -> None:
    run_id = api.run()
    url = "/ajax-api/2.0/mlflow/upload-artifact"
    query = {"run_uuid": run_id, "path": "a/b.txt"}

    assert api.http.post(url, params=query, content=b"hello").status_code == 200
    assert api.http.get("/get-artifact", params={"run_uuid": run_id, "path": "a/b.txt"}).content == b"hello"
    too_much = api.http.post(url, params={**query, "path": "big"}, content=b"x" * (10 * 1024 * 1024 + 1))
    assert too_much.status_code == 413
    assert api.get("artifacts/list", run_id=run_id)["files"] == [{"path": "a", "is_dir": True}]


def test_a_file_cannot_stand_where_a_directory_is_nor_under_a_file(api: Any, settings: Any) -> None:
    put(api, "a/b", b"first")

    assert put(api, "a").status_code == 400
    assert put(api, "a/b/c").status_code == 400
    assert api.http.get(f"{PROXY}/a/b").content == b"first"
    assert files(settings.artifacts_destination) == ["a/b"]


def test_without_the_proxy_clients_write_themselves(
    make_api: Any, with_settings: Any, tmp_path: Path
) -> None:
    root = tmp_path / "shared place"
    api = make_api(with_settings(serve_artifacts=False, default_artifact_root=root.as_uri()))
    run_id = api.run(api.experiment())
    uri = api.whole_run(run_id)["info"]["artifact_uri"]
    local = root / "1" / run_id / "artifacts"
    local.mkdir(parents=True)
    (local / "x.txt").write_text("written by the client")

    assert uri == f"{root.as_uri()}/1/{run_id}/artifacts"
    assert api.get("artifacts/list", run_id=run_id)["files"][0]["path"] == "x.txt"
    assert api.http.get("/get-artifact", params={"run_id": run_id, "path": "x.txt"}).text == (
        "written by the client"
    )
    assert api.http.get(f"{PROXY}/x").status_code == 501


@pytest.mark.parametrize(
    "location", ["s3://bucket/x", "http://169.254.169.254/latest", "dbfs:/x", "/etc", "file:///etc"]
)
def test_the_server_reads_no_place_that_a_client_names(api: Any, location: str) -> None:
    run_id = api.run(api.experiment(artifact_location=location))

    for path in ("passwd", "x"):
        assert api.http.get("/get-artifact", params={"run_id": run_id, "path": path}).status_code == 400
    assert api.refused("GET", "artifacts/list", run_id=run_id)[0] == 400


def test_an_upload_that_is_cut_leaves_nothing(start_server: Any, settings: Any) -> None:
    server = start_server()
    with socket.create_connection(server.address) as connection:
        head = f"PUT {PROXY}/cut.bin HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\n"
        connection.sendall(head.encode() + b"x" * 2_000_000)
    # The server notices the closed connection by itself; its answer to this comes after.
    assert server.http.put(f"{PROXY}/whole.bin", content=b"whole").status_code == 200
    server.stop()

    assert files(settings.artifacts_destination) == ["whole.bin"]


def test_an_upload_that_dies_with_the_server_is_not_visible(start_server: Any, settings: Any) -> None:
    server = start_server()
    with socket.create_connection(server.address) as connection:
        head = f"PUT {PROXY}/cut.bin HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\n"
        connection.sendall(head.encode() + b"x" * 2_000_000)
        server.kill()
    again = start_server()

    assert again.http.get(PROXY, params={"path": ""}).json() == {}
    assert again.http.get(f"{PROXY}/cut.bin").status_code == 404


@pytest.mark.parametrize("kind", ["local", "azure"])
def test_a_large_file_streams_through_in_constant_memory(
    start_server: Any,
    tmp_path: Path,
    kind: str,
    object_stores: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    extra: list[str] = []
    if kind != "local":
        store = object_stores(kind)
        extra = [f"--artifacts-destination={store.root}/large"]
        for name, value in store.environ.items():
            monkeypatch.setenv(name, value)
    server = start_server(*extra)
    size = 512 * 1024 * 1024
    source = tmp_path / "large.bin"
    with source.open("wb") as file:
        file.truncate(size)
    server.http.put(f"{PROXY}/small.bin", content=b"x" * 20_000_000)  # loads what a transfer needs
    before_kb = peak_kb(server)

    with source.open("rb") as file:
        reply = server.http.put(f"{PROXY}/large.bin", content=file, headers={"Content-Length": str(size)})
    received = 0
    with server.http.stream("GET", f"{PROXY}/large.bin") as stream:
        for chunk in stream.iter_raw():
            received += len(chunk)

    assert reply.status_code == 200, reply.text
    assert received == size
    assert peak_kb(server) - before_kb < 60_000
    if kind == "local":
        assert peak_kb(server) < 150_000
    server.http.delete(f"{PROXY}/large.bin").raise_for_status()


def peak_kb(server: Any) -> int:
    """The most memory that a server's process ever had."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
