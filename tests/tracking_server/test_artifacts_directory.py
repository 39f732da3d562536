"""Artifacts in a directory of this machine: which one, what is in it, and what may happen to it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.small_disks import fill
from tests.tracking_server.conftest import V2, Api, ServerProcess
from tracking_server.artifacts.local import LocalArtifacts
from tracking_server.artifacts.places import Places
from tracking_server.errors import InvalidParameter, StartRefused
from tracking_server.settings import Settings

PROXY = "/api/2.0/mlflow-artifacts/artifacts"


def runner(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "runner", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_server_import_and_gc_keep_artifacts_beside_the_database_wherever_they_are_started(
    tmp_path: Path, make_api: Callable[[Settings], Api]
) -> None:
    store, elsewhere = tmp_path / "store", tmp_path / "elsewhere"
    elsewhere.mkdir()
    uri = f"sqlite:///{store}/mlruns.db"
    api = make_api(Settings(backend_store_uri=uri))
    run_id = api.run()
    where = f"0/{run_id}/artifacts/file.txt"
    assert api.http.put(f"{PROXY}/{where}", content=b"here").status_code == 200
    assert (store / "mlartifacts" / where).read_bytes() == b"here"

    mlruns = tmp_path / "mlruns"
    source = mlruns / "0" / ("a" * 32)
    (source / "artifacts").mkdir(parents=True)
    (mlruns / "0" / "meta.yaml").write_text("experiment_id: 0\nname: Default\n")
    (source / "meta.yaml").write_text(f"run_id: {'a' * 32}\nstatus: 3\nstart_time: 1\nend_time: 2\n")
    (source / "artifacts" / "brought.txt").write_text("brought")
    runner("import", str(mlruns), "--to", uri, cwd=elsewhere)
    assert [path.name for path in store.rglob("brought.txt")] == ["brought.txt"]

    api.post("runs/delete", run_id=run_id)
    found = runner(
        "server", "gc", "--backend-store-uri", uri, "--older-than", "0s", "--yes", "--json", cwd=elsewhere
    )
    assert json.loads(found)["files"] == 1
    assert not (store / "mlartifacts" / where).exists()
    assert list(elsewhere.iterdir()) == []


def test_a_run_stays_where_its_artifacts_would_be_looked_for_in_no_directory(
    tmp_path: Path, make_api: Callable[[Settings], Api]
) -> None:
    uri = f"sqlite:///{tmp_path}/mlruns.db"
    api = make_api(Settings(backend_store_uri=uri, artifacts_destination=str(tmp_path / "told")))
    run_id = api.run()
    api.http.put(f"{PROXY}/0/{run_id}/artifacts/file.txt", content=b"here")
    api.post("runs/delete", run_id=run_id)

    found = json.loads(
        runner(
            "server", "gc", "--backend-store-uri", uri, "--older-than", "0s", "--yes", "--json", cwd=tmp_path
        )
    )

    (kept,) = found["things"]
    assert f"there is no directory {tmp_path}/mlartifacts" in kept["kept"]
    assert (tmp_path / "told/0" / run_id / "artifacts/file.txt").exists()


@pytest.mark.parametrize("option", ["artifacts_destination", "default_artifact_root"])
@pytest.mark.parametrize("what", ["the database", "the discovery file", "the access log"])
def test_a_directory_that_holds_files_of_the_server_is_refused(
    tmp_path: Path, option: str, what: str
) -> None:
    directory, elsewhere = tmp_path / "inside", tmp_path / "elsewhere"
    (tmp_path / "link").symlink_to(directory)
    places: dict[str, Any] = {
        "backend_store_uri": f"sqlite:///{directory if what == 'the database' else elsewhere}/mlruns.db",
        "discovery_file": directory / "server.json" if what == "the discovery file" else None,
        "access_log": str(directory / "deep/access.log") if what == "the access log" else None,
    }

    with pytest.raises(StartRefused) as refused:
        Places(
            Settings(
                **{"artifacts_destination": str(elsewhere / "a"), option: str(tmp_path / "link"), **places}
            )
        )

    assert f"{what} {directory}" in str(refused.value)


def test_the_directory_is_made_at_the_start_and_refused_where_it_cannot_be_written(
    disk: Path, tmp_path: Path, run_to_end: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    Places(Settings(backend_store_uri=f"sqlite:///{tmp_path}/a.db")).make_ready()
    assert (tmp_path / "mlartifacts").is_dir()

    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True, capture_output=True)
    for directory in (disk, disk / "new"):
        refused = run_to_end(f"--artifacts-destination={directory}")
        assert refused.returncode == 2
        assert refused.stderr.startswith(f"error: --artifacts-destination {directory} cannot be ")
        assert refused.stderr.count("\n") == 1


def test_an_upload_to_a_full_disk_is_a_503_that_leaves_nothing_and_passes(
    disk: Path, make_api: Callable[[Settings], Api], tmp_path: Path
) -> None:
    root = disk / "artifacts"
    api = make_api(Settings(backend_store_uri=f"sqlite:///{tmp_path}/a.db", artifacts_destination=str(root)))
    url = f"{PROXY}/deep/file.bin"
    assert api.http.put(url, content=b"before").status_code == 200
    filler = fill(disk)

    refused = api.http.put(url, content=b"x" * 2_000_000)

    assert refused.status_code == 503
    assert "No space left" in refused.json()["message"]
    assert list((root / ".uploads").iterdir()) == []
    filler.unlink()
    assert api.http.get(url).content == b"before"
    assert api.http.put(url, content=b"y" * 1_000_000).status_code == 200


def test_a_link_is_removed_itself_and_not_what_it_leads_to(tmp_path: Path) -> None:
    store = LocalArtifacts(tmp_path)
    (tmp_path / "real").mkdir()
    (tmp_path / "real/file").write_text("x")
    (tmp_path / "latest").symlink_to("real")
    (tmp_path / "self").symlink_to(".")
    (tmp_path / "uploads").symlink_to(".uploads")
    (tmp_path / ".uploads").mkdir()

    store.remove("latest")
    for path in ("self", "uploads", "uploads/x", "self/.uploads"):
        with pytest.raises(InvalidParameter):
            store.remove(path)
    with pytest.raises(InvalidParameter):
        store.open_writer("uploads/x")

    assert not (tmp_path / "latest").is_symlink()
    assert (tmp_path / "real/file").exists()


def test_many_may_delete_one_directory_at_once(tmp_path: Path) -> None:
    store = LocalArtifacts(tmp_path)
    for _ in range(5):
        for number in range(200):
            file = tmp_path / f"run/artifacts/{number % 7}/{number}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: store.remove("run"), range(8)))  # raises what one raised
        assert not (tmp_path / "run").exists()
    assert list((tmp_path / ".uploads").iterdir()) == []


@pytest.mark.parametrize(
    ("method", "path", "field", "more"),
    [
        ("POST", "artifacts/presigned-download-url", "path", {"run_id": "x"}),
        ("POST", "artifacts/presigned-upload-url", "path", {"run_id": "x"}),
        ("POST", "experiments/create", "artifact_location", {"name": "x"}),
        ("POST", "model-versions/create", "source", {"name": "m"}),
    ],
)
@pytest.mark.parametrize("long", ["%25" * 3_000_000, "a/" * 3_000_000], ids=["encoded", "deep"])
def test_paths_without_end_are_refused_unread(
    api: Api, method: str, path: str, field: str, more: dict[str, Any], long: str
) -> None:
    if path.startswith("model-versions"):
        api.post("registered-models/create", name="m")

    status, code, message = api.refused(method, path, **{field: long}, **more)

    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert "more than 4000 characters" in message or "at most 4000 characters" in message


@pytest.mark.parametrize("call", ["create", "complete", "abort"])
def test_names_of_files_without_end_are_refused_unread(api: Api, call: str) -> None:
    fields = {"path": "%25" * 3_000_000, "upload_id": "0" * 32, "parts": [{"part_number": 1, "etag": "x"}]}

    status, _, message = api.refused("POST", f"../mlflow-artifacts/mpu/{call}/d", **fields)

    assert status == 400
    assert "more than 4000 characters" in message


def test_an_upload_has_no_more_parts_than_stores_take(api: Api) -> None:
    parts = [{"part_number": 1, "etag": "x"}] * 10_001

    _, _, message = api.refused(
        "POST", "../mlflow-artifacts/mpu/complete/d", path="f", upload_id="0" * 32, parts=parts
    )

    assert "at most 10000 parts" in message


def test_downloads_of_every_kind_are_attachments_that_no_browser_sniffs(
    start_server: Callable[..., ServerProcess],
) -> None:
    server = start_server()
    run_id = server.post("runs/create", experiment_id="0")["run"]["info"]["run_id"]
    model_id = server.post("logged-models", experiment_id="0", name="m")["model"]["info"]["model_id"]
    for directory in (f"0/{run_id}/artifacts", f"0/models/{model_id}/artifacts"):
        server.http.put(f"{PROXY}/{directory}/page.html", content=b"<script>alert(1)</script>")
    server.post("registered-models/create", name="r")
    server.post("model-versions/create", name="r", source=f"models:/{model_id}", model_id=model_id)

    for url in (
        f"{PROXY}/0/{run_id}/artifacts/page.html",
        f"/get-artifact?run_id={run_id}&path=page.html",
        f"/ajax-api/2.0/mlflow/logged-models/{model_id}/artifacts/files?artifact_file_path=page.html",
        "/model-versions/get-artifact?name=r&version=1&path=page.html",
    ):
        reply = server.http.get(url)
        assert reply.status_code == 200, f"{url}: {reply.text}"
        assert reply.headers["content-disposition"].startswith("attachment"), url
        assert reply.headers["x-content-type-options"] == "nosniff", url


def test_uploads_to_one_path_at_once_leave_one_of_them_whole(
    start_server: Callable[..., ServerProcess],
) -> None:
    server = start_server()
    bodies = [bytes([number]) * 300_000 for number in range(8)]

    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda body: server.http.put(f"{PROXY}/same.bin", content=body), bodies))

    assert {reply.status_code for reply in replies} == {200}
    assert server.http.get(f"{PROXY}/same.bin").content in bodies
    assert server.http.get(f"{V2}/../mlflow-artifacts/artifacts").json()["files"] == [
        {"path": "same.bin", "is_dir": False, "file_size": 300_000}
    ]
