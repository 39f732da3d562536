"""Uploads in parts, as MLflow's client makes them: to this server for a directory, else to the store itself."""

from __future__ import annotations

import fcntl
import os
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.tracking_server.artifact_services import StoreService
from tracking_server.artifacts import local_uploads
from tracking_server.artifacts.local import LocalArtifacts
from tracking_server.artifacts.local_multipart import LocalMultipart
from tracking_server.artifacts.protocol import Part
from tracking_server.errors import InvalidParameter, NotFound, Unavailable
from tracking_server.store import access_tokens

PROXY = "/api/2.0/mlflow-artifacts"
MIB = 1024 * 1024


def begin(server: Any, count: int, *, directory: str = "0/run/artifacts", file: str = "/tmp/big.bin") -> Any:
    reply = server.http.post(f"{PROXY}/mpu/create/{directory}", json={"path": file, "num_parts": count})
    assert reply.status_code == 200, reply.text
    return reply.json()


def end(
    server: Any,
    how: str,
    begun: Any,
    parts: list[dict[str, Any]] | None = None,
    *,
    file: str = "/tmp/big.bin",
) -> Any:
    body: dict[str, Any] = {"path": file, "upload_id": begun["upload_id"]}
    if parts is not None:
        body["parts"] = parts
    return server.http.post(f"{PROXY}/mpu/{how}/0/run/artifacts", json=body)


def put_parts(server: Any, begun: Any, bodies: list[bytes]) -> list[dict[str, Any]]:
    """Put every part where the reply says, as MLflow's client does: with the headers it says and no others."""
    parts = []
    for credential, body in zip(begun["credentials"], bodies, strict=True):
        address = urlsplit(credential["url"])
        if address.path.startswith("/api/"):
            assert address.netloc == server.http.base_url.netloc.decode()
            reply = server.http.put(credential["url"], content=body, headers=credential["headers"])
        else:
            reply = httpx2.put(
                credential["url"], content=body, headers=credential["headers"], trust_env=False
            )
        assert reply.status_code in (200, 201), reply.text
        number, etag = credential["part_number"], reply.headers.get("ETag", "")
        parts.append({"part_number": number, "etag": etag, "url": credential["url"]})
    return parts


def on_disk(settings: Any) -> list[str]:
    root = Path(settings.artifacts_destination)
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_parts_become_a_file_in_one_step(api: Any, settings: Any) -> None:
    bodies = [os.urandom(100_000), os.urandom(100_000), b"the end"]
    begun = begin(api, 3)
    parts = put_parts(api, begun, bodies)
    assert api.http.get(f"{PROXY}/artifacts/0/run/artifacts/big.bin").status_code == 404

    assert end(api, "complete", begun, parts).json() == {}

    assert api.http.get(f"{PROXY}/artifacts/0/run/artifacts/big.bin").content == b"".join(bodies)
    # A client whose first request was answered too late asks again.
    assert end(api, "complete", begun, parts).json() == {}
    assert end(api, "abort", begun).json() == {}
    assert on_disk(settings) == ["0/run/artifacts/big.bin"]


def test_the_artifact_has_the_name_of_the_clients_file_and_nothing_else_of_it(
    api: Any, settings: Any
) -> None:
    for file, name in (("C:\\data\\w.bin", "w.bin"), ("../../x", "x"), ("y z", "y z")):
        begun = begin(api, 1, file=file)
        parts = put_parts(api, begun, [b"1"])
        assert end(api, "complete", begun, parts, file=file).status_code == 200
        assert f"0/run/artifacts/{name}" in on_disk(settings)


@pytest.mark.parametrize("file", ["", "/", "a/..", "a%2f..%2f..", "x\x00y", "a#b"])
def test_a_file_whose_name_is_none_is_refused(api: Any, settings: Any, file: str) -> None:
    reply = api.http.post(f"{PROXY}/mpu/create/0/run", json={"path": file, "num_parts": 1})

    assert reply.status_code == 400
    assert not Path(settings.artifacts_destination).exists()


@pytest.mark.parametrize("directory", ["%252e%252e/x", "..%2f..", "%5c..", ".uploads", ".UPLOADS", "s3:/x"])
@pytest.mark.parametrize("how", ["create", "complete", "abort"])
def test_no_path_leads_outside(api: Any, directory: str, how: str) -> None:
    body = {"path": "x", "upload_id": "0" * 32, "num_parts": 1, "parts": [{"part_number": 1, "etag": "x"}]}

    assert api.http.post(f"{PROXY}/mpu/{how}/{directory}", json=body).status_code in (400, 404)


@pytest.mark.parametrize("count", [0, -1, 10_001, 2**40])
def test_the_number_of_parts_is_bounded(api: Any, count: int) -> None:
    reply = api.http.post(f"{PROXY}/mpu/create/x", json={"path": "x", "num_parts": count})

    assert (reply.status_code, "num_parts must be between" in reply.text) == (400, True)


def test_parts_that_did_not_come_are_noticed(api: Any) -> None:
    begun = begin(api, 2)
    first = put_parts(api, {**begun, "credentials": begun["credentials"][:1]}, [b"first"])
    wrong = {"part_number": 2, "etag": "0" * 32}

    for parts in ([], first, [*first, wrong], [wrong, *first], first * 2, [{"etag": "x"}] * 2):
        assert end(api, "complete", begun, parts).status_code == 400
    unknown = {"upload_id": "f" * 32}
    assert end(api, "complete", unknown, first).status_code == 404
    assert end(api, "complete", {"upload_id": "../../x"}, first).status_code == 404
    assert end(api, "complete", begun, [*first, *first], file="/tmp/other.bin").status_code == 404
    assert api.http.put(f"{PROXY}/mpu/part/{begun['upload_id']}/3", content=b"x").status_code == 400
    assert api.http.put(f"{PROXY}/mpu/part/{begun['upload_id']}/x", content=b"x").status_code == 400
    assert api.http.put(f"{PROXY}/mpu/part/{'f' * 32}/1", content=b"x").status_code == 404
    assert api.http.put(f"{PROXY}/mpu/part/..%2f..%2fx/1", content=b"x").status_code == 404
    assert api.http.get(PROXY + "/artifacts", params={"path": ""}).json() == {}


def test_a_part_may_come_again(api: Any) -> None:
    begun = begin(api, 1)
    put_parts(api, begun, [b"cut shor"])
    parts = put_parts(api, begun, [b"as it should be"])

    assert end(api, "complete", begun, parts).status_code == 200
    assert api.http.get(f"{PROXY}/artifacts/0/run/artifacts/big.bin").content == b"as it should be"


def test_aborting_forgets_all(api: Any, settings: Any) -> None:
    begun = begin(api, 1)
    parts = put_parts(api, begun, [b"x"])

    assert end(api, "abort", begun).json() == {}
    assert end(api, "abort", begun).json() == {}
    assert end(api, "complete", begun, parts).status_code == 404
    assert on_disk(settings) == []


def test_what_is_being_ended_is_not_ended_twice(tmp_path: Path) -> None:
    uploads = LocalMultipart(LocalArtifacts(tmp_path))
    upload_id = uploads.start("x", 1)
    part = uploads.open_part(upload_id, 1)
    part.write(b"x")
    part.commit()
    lock = tmp_path / ".uploads" / f"{upload_id}.parts" / "lock"
    with lock.open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Unavailable, match="Another request is ending"):
            uploads.finish("x", upload_id, [Part(number=1, etag=part.etag)])
        with pytest.raises(Unavailable):
            uploads.cancel("x", upload_id)
    uploads.finish("x", upload_id, [Part(number=1, etag=part.etag)])

    assert (tmp_path / "x").read_bytes() == b"x"


def test_a_part_of_an_upload_that_was_aborted_meanwhile(tmp_path: Path) -> None:
    uploads = LocalMultipart(LocalArtifacts(tmp_path))
    upload_id = uploads.start("x", 1)
    part = uploads.open_part(upload_id, 1)
    part.write(b"x")
    uploads.cancel("x", upload_id)

    with pytest.raises(NotFound):
        part.commit()
    part.abort()
    with pytest.raises(NotFound):
        uploads.open_part(upload_id, 1)
    with pytest.raises(InvalidParameter):
        uploads.start("", 1)


TOKEN = "a token that is long enough"


def test_parts_are_authorised_as_every_other_request(start_server: Any, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(TOKEN)
    server = start_server(f"--token-file={tmp_path / 'token'}")
    server.http.headers["Authorization"] = f"Bearer {TOKEN}"
    nobody = httpx2.Client(base_url=server.http.base_url, trust_env=False)
    with nobody:
        begun = begin(server, 1)
        (credential,) = begun["credentials"]

        for method, path, body in (
            ("POST", f"{PROXY}/mpu/create/x", {"path": "x", "num_parts": 1}),
            ("POST", f"{PROXY}/mpu/complete/x", {"path": "x", "upload_id": "x", "parts": []}),
            ("POST", f"{PROXY}/mpu/abort/x", {"path": "x", "upload_id": "x"}),
            ("PUT", credential["url"], None),
            ("GET", f"{PROXY}/presigned/x", None),
            ("POST", "/api/2.0/mlflow/artifacts/presigned-upload-url", {"run_id": "x", "path": "x"}),
            ("POST", "/api/2.0/mlflow/artifacts/presigned-download-url", {"run_id": "x", "path": "x"}),
        ):
            assert nobody.request(method, path, json=body).status_code == 401, path
        assert nobody.put(credential["url"], content=b"x", headers=credential["headers"]).status_code == 200


def test_who_may_only_read_signs_only_reading(make_api: Any, settings: Any) -> None:
    api = make_api(settings)
    database = api.application.database
    token = database.write_and_wait(lambda c: access_tokens.create(c, "dashboard", may_write=False))
    run_id = "0" * 32

    def status(method: str, url: str, **body: Any) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return int(api.http.request(method, url, json=body or None, headers=headers).status_code)

    assert status("POST", f"{PROXY}/mpu/create/x", path="x", num_parts=1) == 403
    assert status("PUT", f"{PROXY}/mpu/part/{'0' * 32}/1") == 403
    assert status("POST", f"{PROXY}/mpu/complete/x", path="x", upload_id="x", parts=[]) == 403
    assert status("POST", f"{PROXY}/mpu/abort/x", path="x", upload_id="x") == 403
    assert status("POST", "/api/2.0/mlflow/artifacts/presigned-upload-url", run_id=run_id, path="x") == 403
    assert status("POST", "/api/2.0/mlflow/artifacts/presigned-download-url", run_id=run_id, path="x") == 404
    assert status("GET", f"{PROXY}/presigned/x") == 501
    assert status("PUT", f"{PROXY}/artifacts/x") == 403
    assert status("DELETE", f"{PROXY}/artifacts/x") == 403


def test_no_token_is_made_to_travel_without_tls(make_api: Any, with_settings: Any) -> None:
    api = make_api(with_settings(token=TOKEN, allowed_hosts=("tracking.example",)))
    url, body = f"{PROXY}/mpu/create/x", {"path": "x", "num_parts": 1}
    headers = {"Authorization": f"Bearer {TOKEN}", "Host": "tracking.example"}

    plain = api.http.post(url, json=body, headers=headers)
    tls = api.http.post(url, json=body, headers={**headers, "X-Forwarded-Proto": "https"})

    # MLflow's client takes these first words as a sign to send the file in one piece.
    message = "Multipart upload is not supported for the current artifact repository"
    assert plain.status_code == 501
    assert plain.json()["message"].startswith(message)
    assert tls.json()["credentials"][0]["url"].startswith("https://tracking.example/api/2.0/")


def test_leftovers_of_uploads_go_when_they_are_old_and_nobody_writes(tmp_path: Path) -> None:
    store = LocalArtifacts(tmp_path)
    uploads = LocalMultipart(store)
    growing = store.open_writer("a file that is still being written")
    growing.write(b"x")
    crashed = tmp_path / ".uploads" / "tmpcrashed"
    crashed.write_bytes(b"half")
    left = uploads.start("left", 1)
    held = uploads.start("held", 1)
    lock = (tmp_path / ".uploads" / f"{held}.parts" / "lock").open("r+")
    fcntl.flock(lock, fcntl.LOCK_EX)

    assert local_uploads.sweep(tmp_path) == 0
    with lock:
        assert local_uploads.sweep(tmp_path, lambda: time.time() + local_uploads.STALE_S + 1) == 2

    assert not crashed.exists()
    assert not (tmp_path / ".uploads" / f"{left}.parts").exists()
    assert (tmp_path / ".uploads" / f"{held}.parts").exists()
    growing.commit()
    assert (tmp_path / "a file that is still being written").read_bytes() == b"x"


def test_a_server_sweeps_when_it_starts(
    start_server: Any, settings: Any, wait_for: Callable[..., None]
) -> None:
    uploads = Path(settings.artifacts_destination) / ".uploads"
    uploads.mkdir(parents=True)
    old, young = uploads / "old", uploads / "young"
    for path in (old, young):
        path.write_bytes(b"half")
    long_ago = time.time() - local_uploads.STALE_S - 60
    os.utime(old, (long_ago, long_ago))

    start_server()

    wait_for(lambda: not old.exists())
    assert young.exists()


@pytest.fixture(params=["s3", "azure"])
def signing(
    request: pytest.FixtureRequest,
    object_stores: Callable[[str], StoreService],
    monkeypatch: pytest.MonkeyPatch,
) -> StoreService:
    service = object_stores(request.param)
    for name, value in service.environ.items():
        monkeypatch.setenv(name, value)
    return replace(service, root=f"{service.root}/{uuid.uuid4().hex}")


def test_parts_go_to_the_store_itself(make_api: Any, with_settings: Any, signing: StoreService) -> None:
    api = make_api(with_settings(artifacts_destination=signing.root))
    bodies = [os.urandom(5 * MIB), os.urandom(5 * MIB), b"the end"]
    begun = begin(api, 3)
    assert all(part["url"].startswith(signing.url) for part in begun["credentials"])
    parts = put_parts(api, begun, bodies)
    assert api.http.get(f"{PROXY}/artifacts/0/run/artifacts/big.bin").status_code == 404

    assert end(api, "complete", begun, parts).json() == {}

    assert api.http.get(f"{PROXY}/artifacts/0/run/artifacts/big.bin").content == b"".join(bodies)


def test_parts_that_the_store_does_not_have_are_refused(
    make_api: Any, with_settings: Any, signing: StoreService
) -> None:
    api = make_api(with_settings(artifacts_destination=signing.root))
    begun = begin(api, 2)

    reply = end(api, "complete", begun, [{"part_number": number, "etag": '"x"'} for number in (1, 2)])

    assert reply.status_code == 400, reply.text
    assert end(api, "abort", begun).json() == {}
    assert end(api, "abort", begun).json() == {}
    assert api.http.get(f"{PROXY}/artifacts/0/run/artifacts/big.bin").status_code == 404


def test_without_direct_transfers_nothing_is_signed(
    make_api: Any, with_settings: Any, signing: StoreService
) -> None:
    api = make_api(with_settings(artifacts_destination=signing.root, direct_transfers=False))

    create = api.http.post(f"{PROXY}/mpu/create/x", json={"path": "x", "num_parts": 1})
    info = api.http.get("/api/3.0/mlflow/server-info").json()

    assert create.status_code == 501
    assert api.http.get(f"{PROXY}/presigned/x").status_code == 501
    assert not info["multipart_uploads_enabled"]
    assert not info["multipart_downloads_enabled"]
