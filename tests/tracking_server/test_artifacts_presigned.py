"""Signed URLs, and artifacts that clients write to the store themselves (--default-artifact-root)."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.tracking_server.artifact_services import BUCKET, StoreService, put_object

PROXY = "/api/2.0/mlflow-artifacts"
UP = "/api/2.0/mlflow/artifacts/presigned-upload-url"
DOWN = "/api/2.0/mlflow/artifacts/presigned-download-url"
KINDS = ["s3", "azure", "gcs"]


@pytest.fixture(params=["s3", "azure"])
def signing(request: pytest.FixtureRequest, reached: Callable[[str], StoreService]) -> StoreService:
    """A store whose credentials can sign."""
    return reached(request.param)


@pytest.fixture
def reached(
    object_stores: Callable[[str], StoreService], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], StoreService]:
    """A store of a kind, with the environment in which servers reach it."""

    def reach(kind: str) -> StoreService:
        service = object_stores(kind)
        for name, value in service.environ.items():
            monkeypatch.setenv(name, value)
        return service

    return reach


def test_a_run_is_written_and_read_by_signed_urls(
    make_api: Any, with_settings: Any, signing: StoreService
) -> None:
    root = f"{signing.root}/{uuid.uuid4().hex}"
    api = make_api(with_settings(default_artifact_root=root))
    run_id = api.run(api.experiment())

    upload = api.http.post(UP, json={"run_id": run_id, "path": "a b/ü.txt"}).json()
    put = httpx2.put(upload["presigned_url"], content=b"hello", headers=upload["headers"], trust_env=False)
    download = api.http.post(DOWN, json={"run_id": run_id, "path": "a b/ü.txt"}).json()
    got = httpx2.get(download["presigned_url"], headers=download["headers"], trust_env=False)

    assert put.status_code in (200, 201), put.text
    assert (got.content, download["file_size"]) == (b"hello", 5)
    assert api.get("artifacts/list", run_id=run_id, path="a b")["files"] == [
        {"path": "a b/ü.txt", "is_dir": False, "file_size": 5}
    ]
    assert api.http.get("/get-artifact", params={"run_id": run_id, "path": "a b/ü.txt"}).content == b"hello"
    assert api.http.post(DOWN, json={"run_id": run_id, "path": "nothing"}).status_code == 404


def test_a_logged_model_is_written_by_signed_urls(
    make_api: Any, with_settings: Any, signing: StoreService
) -> None:
    api = make_api(with_settings(default_artifact_root=f"{signing.root}/{uuid.uuid4().hex}"))
    model = api.post("logged-models", experiment_id=api.experiment(), name="m")["model"]["info"]

    upload = api.http.post(UP, json={"model_id": model["model_id"], "path": "MLmodel"}).json()
    httpx2.put(upload["presigned_url"], content=b"x: 1", headers=upload["headers"], trust_env=False)

    url = f"/ajax-api/2.0/mlflow/logged-models/{model['model_id']}/artifacts/files"
    got = api.http.get(url, params={"artifact_file_path": "MLmodel"}, headers={"Range": "bytes=0-0"})
    assert (got.status_code, got.content) == (206, b"x")


def test_how_long_a_url_lives(make_api: Any, with_settings: Any, reached: Any) -> None:
    store = reached("s3")
    api = make_api(with_settings(default_artifact_root=f"{store.root}/{uuid.uuid4().hex}"))
    run_id = api.run(api.experiment())
    put_object(store, api.whole_run(run_id)["info"]["artifact_uri"].partition(f"{BUCKET}/")[2] + "/x", b"x")

    def life(url: str, **body: Any) -> str:
        signed = api.http.post(url, json={"run_id": run_id, "path": "x", **body}).json()["presigned_url"]
        return str(parse_qs(urlsplit(signed).query)["X-Amz-Expires"][0])

    assert life(UP) == "900"
    assert life(DOWN) == "300"
    assert life(DOWN, expiration="604800") == "604800"
    for url in (UP, DOWN):
        for expiration in (0, -1, 604_801):
            reply = api.http.post(url, json={"run_id": run_id, "path": "x", "expiration": expiration})
            assert (reply.status_code, "expiration must be between 1 and 604800 seconds" in reply.text) == (
                400,
                True,
            )


def test_requests_that_cannot_be_signed(api: Any) -> None:
    run_id = api.run()

    for url in (UP, DOWN):
        proxied = api.http.post(url, json={"run_id": run_id, "path": "x"})
        assert proxied.status_code == 400
        assert "is not supported for proxied artifact storage" in proxied.json()["message"]
        for path in ("../x", "%252e%252e/x", "/etc/passwd", ""):
            assert api.http.post(url, json={"run_id": run_id, "path": path}).status_code == 400
        assert api.http.post(url, json={"run_id": "0" * 32, "path": "x"}).status_code == 404
    both = api.http.post(UP, json={"run_id": run_id, "model_id": "m-x", "path": "x"})
    neither = api.http.post(UP, json={"path": "x"})
    for reply in (both, neither):
        assert reply.json()["message"] == "Exactly one of run_id and model_id must be provided."
    assert api.http.get(f"{PROXY}/presigned/x").status_code == 501


def test_directories_cannot_be_signed_for(make_api: Any, with_settings: Any, tmp_path: Path) -> None:
    api = make_api(with_settings(default_artifact_root=str(tmp_path / "root")))
    run_id = api.run(api.experiment())

    for url in (UP, DOWN):
        reply = api.http.post(url, json={"run_id": run_id, "path": "x"})
        assert (reply.status_code, reply.json()["error_code"]) == (501, "NOT_IMPLEMENTED")


def test_proxied_files_are_read_by_signed_urls(
    make_api: Any, with_settings: Any, signing: StoreService
) -> None:
    api = make_api(with_settings(artifacts_destination=f"{signing.root}/{uuid.uuid4().hex}"))
    api.http.put(f"{PROXY}/artifacts/0/run/x.bin", content=b"0123456789")

    signed = api.http.get(f"{PROXY}/presigned/0/run/x.bin").json()
    part = httpx2.get(signed["url"], headers={**signed["headers"], "Range": "bytes=2-4"}, trust_env=False)

    assert (signed["file_size"], part.status_code, part.content) == (10, 206, b"234")
    assert api.http.get(f"{PROXY}/presigned/nothing").status_code == 404


def test_without_a_key_google_cloud_storage_signs_nothing_and_says_so(
    make_api: Any, with_settings: Any, reached: Any
) -> None:
    store = reached("gcs")
    api = make_api(with_settings(artifacts_destination=f"{store.root}/{uuid.uuid4().hex}"))
    api.http.put(f"{PROXY}/artifacts/x", content=b"x")

    create = api.http.post(f"{PROXY}/mpu/create/x", json={"path": "x", "num_parts": 1})

    assert create.status_code == 501
    # The words by which MLflow's client knows to send the file in one piece.
    assert create.json()["message"].startswith(
        "Multipart upload is not supported for the current artifact repository"
    )
    assert api.http.get(f"{PROXY}/presigned/x").status_code == 501


def test_what_server_info_says_of_transfers(make_api: Any, with_settings: Any, reached: Any) -> None:
    def flags(**changes: Any) -> tuple[bool, bool]:
        info = make_api(with_settings(**changes)).http.get("/api/3.0/mlflow/server-info").json()
        return info["multipart_uploads_enabled"], info["multipart_downloads_enabled"]

    assert flags() == (False, False)
    assert flags(serve_artifacts=False) == (False, False)
    assert flags(artifacts_destination=reached("s3").root) == (True, True)
    assert flags(artifacts_destination=reached("azure").root) == (True, True)
    assert flags(artifacts_destination=reached("gcs").root) == (True, False)


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_configured_root_is_opened(
    make_api: Any, with_settings: Any, reached: Any, kind: str
) -> None:
    store = reached(kind)
    inside = f"in {uuid.uuid4().hex}"
    put_object(store, f"{inside}x/secret", b"secret")
    api = make_api(with_settings(default_artifact_root=f"{store.root}/{inside}"))

    for location in (f"{store.root}/{inside}x", store.root, f"{store.root}/{inside}/../{inside}x"):
        created = api.http.post(
            "/api/2.0/mlflow/experiments/create", json={"name": location, "artifact_location": location}
        )
        if created.status_code == 400:
            continue
        run_id = api.run(created.json()["experiment_id"])
        for path in ("secret", f"{inside}x/secret"):
            got = api.http.get("/get-artifact", params={"run_id": run_id, "path": path})
            assert got.status_code == 400
            assert b"secret" not in got.content.replace(b"secret'", b"")
            assert api.http.post(DOWN, json={"run_id": run_id, "path": path}).status_code == 400
            assert api.http.post(UP, json={"run_id": run_id, "path": path}).status_code == 400


needs_mlflow = pytest.mark.skipif(
    importlib.util.find_spec("mlflow") is None, reason="needs MLflow's client: pip install '.[test]'"
)


def run_client(server: Any, cwd: Path, **environ: str) -> Any:
    """What `mlflow_transfers.py` prints, run in a process of its own."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("mlflow_transfers.py")), str(server.http.base_url)],
        cwd=cwd,
        env={
            **os.environ,
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE": "6000000",
            "MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE": "5242880",
            "MLFLOW_MULTIPART_DOWNLOAD_CHUNK_SIZE": "5242880",
            **environ,
        },
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr + server.log.read_text()
    return json.loads(done.stdout.splitlines()[-1])


@needs_mlflow
@pytest.mark.parametrize("kind", ["local", *KINDS])
def test_mlflows_client_uploads_in_parts_and_reads_back(
    start_server: Any, tmp_path: Path, kind: str, reached: Any
) -> None:
    extra: list[str] = []
    if kind != "local":
        extra = [f"--artifacts-destination={reached(kind).root}/{uuid.uuid4().hex}"]
    server = start_server(*extra)

    told = run_client(server, tmp_path, MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD="true")

    direct = kind in ("s3", "azure")
    assert told["same"]
    assert told["uri"].startswith("mlflow-artifacts:/")
    assert told["puts"] == (1 if kind == "gcs" else 3)
    assert told["to_server"] == (0 if direct else told["puts"])
    assert told["listed"] == ["dir", "large.bin", "small.txt"]


@needs_mlflow
def test_mlflows_client_sends_its_token_with_every_part(start_server: Any, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a token that is long enough")
    server = start_server(f"--token-file={tmp_path / 'token'}")

    told = run_client(
        server,
        tmp_path,
        MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD="true",
        MLFLOW_TRACKING_TOKEN="a token that is long enough",
    )

    assert (told["same"], told["puts"], told["to_server"]) == (True, 3, 3)


@needs_mlflow
def test_mlflows_client_writes_to_the_store_itself(start_server: Any, tmp_path: Path, reached: Any) -> None:
    store = reached("s3")
    prefix = uuid.uuid4().hex
    server = start_server(f"--default-artifact-root={store.root}/{prefix}")

    told = run_client(server, tmp_path)

    assert told["same"]
    assert told["uri"].startswith(f"s3://{BUCKET}/{prefix}/")
    assert told["to_server"] == 0
    assert told["listed"] == ["dir", "large.bin", "small.txt"]
    listed = server.get("artifacts/list", run_id=told["run_id"])["files"]
    assert [entry["path"] for entry in listed] == ["dir", "large.bin", "small.txt"]
    query = {"run_id": told["run_id"], "path": "dir/deep/x.txt"}
    assert server.http.get("/get-artifact", params=query).content == b"deep"


@pytest.fixture
def google_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A service account's key, with which URLs can be signed without asking anybody; returns its public half."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {
        "type": "service_account",
        "client_email": "server@tests.example",
        "private_key": private.decode(),
        "private_key_id": "1",
        "token_uri": "http://127.0.0.1:9/token",
        "project_id": "tests",
    }
    (tmp_path / "key.json").write_text(json.dumps(account))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    return key.public_key()


def test_google_cloud_storage_takes_parts_where_there_is_a_key(
    make_api: Any, with_settings: Any, reached: Any, google_key: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Google's XML interface, which the emulator does not have, is S3's: here moto's server answers for it."""
    store = reached("s3")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", store.url)
    prefix = uuid.uuid4().hex
    api = make_api(with_settings(artifacts_destination=f"gs://{BUCKET}/{prefix}"))
    body = {"path": "/tmp/ü x.bin", "num_parts": 2}

    begun = api.http.post(f"{PROXY}/mpu/create/0/run", json=body).json()
    parts = []
    for part, content in zip(begun["credentials"], (b"a" * 5 * 1024 * 1024, b"end"), strict=True):
        check_google_signature(part["url"], google_key)
        put = httpx2.put(part["url"], content=content, headers=part["headers"], trust_env=False)
        parts.append({"part_number": part["part_number"], "etag": put.headers["ETag"]})
    wrong = [{**part, "etag": '"<&"'} for part in parts]
    ended = {"path": body["path"], "upload_id": begun["upload_id"]}
    refused = api.http.post(f"{PROXY}/mpu/complete/0/run", json={**ended, "parts": wrong})
    done = api.http.post(f"{PROXY}/mpu/complete/0/run", json={**ended, "parts": parts})
    aborted = api.http.post(f"{PROXY}/mpu/create/0/run", json=body).json()
    abort = {"path": body["path"], "upload_id": aborted["upload_id"]}

    assert refused.status_code == 400
    assert done.json() == {}, done.text
    assert f"{prefix}/0/run/ü x.bin" in store.object_keys()
    assert api.http.post(f"{PROXY}/mpu/abort/0/run", json=abort).json() == {}
    assert api.http.post(f"{PROXY}/mpu/abort/0/run", json=abort).json() == {}


def check_google_signature(url: str, public_key: Any) -> None:
    """A V4 signature, as https://cloud.google.com/storage/docs/authentication/canonical-requests has it."""
    import hashlib

    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    address = urlsplit(url)
    query, _, signature = address.query.partition("&X-Goog-Signature=")
    canonical = f"PUT\n{address.path}\n{query}\nhost:{address.netloc}\n\nhost\nUNSIGNED-PAYLOAD"
    fields = parse_qs(query)
    time, scope = fields["X-Goog-Date"][0], fields["X-Goog-Credential"][0].partition("/")[2]
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    signed = f"GOOG4-RSA-SHA256\n{time}\n{scope}\n{digest}"
    public_key.verify(bytes.fromhex(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
