"""What holds of artifacts wherever they are: in a directory, S3, Azure or Google Cloud Storage.

Every test runs against a real implementation of each protocol, through the proxy's endpoints.
"""

from __future__ import annotations

import os
import re
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.tracking_server import artifact_services
from tests.tracking_server.artifact_services import StoreService
from tracking_server.artifacts import locations, objects
from tracking_server.artifacts.threads import MAX_THREADS
from tracking_server.errors import Unavailable
from tracking_server.settings import Settings

PROXY = "/api/2.0/mlflow-artifacts/artifacts"
STORES = ["local", "s3", "azure", "gcs"]
OBJECT_STORES = STORES[1:]
MIB = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Where:
    """The place that a test's server writes to. `files` are all there are, read by other means."""

    kind: str
    destination: str
    files: Callable[[], list[str]]
    service: StoreService | None = None


@pytest.fixture(params=STORES)
def where(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    object_stores: Callable[[str], StoreService],
    monkeypatch: pytest.MonkeyPatch,
) -> Where:
    if request.param == "local":
        root = tmp_path / "artifacts"

        def on_disk() -> list[str]:
            return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())

        return Where(kind="local", destination=str(root), files=on_disk)
    service = object_stores(request.param)
    for name, value in service.environ.items():
        monkeypatch.setenv(name, value)
    prefix = f"test {uuid.uuid4().hex}/some where"

    def in_bucket() -> list[str]:
        return sorted(key[len(prefix) + 1 :] for key in service.object_keys() if key.startswith(f"{prefix}/"))

    return Where(kind=request.param, destination=f"{service.root}/{prefix}", files=in_bucket, service=service)


@pytest.fixture
def settings(settings: Settings, where: Where) -> Settings:
    return replace(settings, artifacts_destination=where.destination, artifact_deadline_s=20.0)


def put(api: Any, path: str, body: bytes = b"content") -> Any:
    return api.http.put(f"{PROXY}/{quote(path)}", content=body)


def get(api: Any, path: str, **headers: str) -> Any:
    return api.http.get(f"{PROXY}/{quote(path)}", headers=headers)


def listed(api: Any, path: str = "") -> list[tuple[str, bool, int | None]]:
    files = api.http.get(PROXY, params={"path": path}).json().get("files", [])
    return [(file["path"], file["is_dir"], file.get("file_size")) for file in files]


def test_what_is_written_is_read_and_listed(api: Any, where: Where) -> None:
    assert put(api, "1/run/artifacts/sub/file.bin", b"bytes \x00\xff").json() == {}
    assert put(api, "1/run/artifacts/empty", b"").status_code == 200

    assert get(api, "1/run/artifacts/sub/file.bin").content == b"bytes \x00\xff"
    assert get(api, "1/run/artifacts/empty").content == b""
    assert listed(api, "1/run/artifacts") == [("empty", False, 0), ("sub", True, None)]
    assert listed(api, "1/run/artifacts/sub") == [("file.bin", False, 8)]
    assert listed(api, "1/run/artifacts/sub/file.bin") == []
    assert listed(api, "nothing/there") == []
    assert where.files() == ["1/run/artifacts/empty", "1/run/artifacts/sub/file.bin"]


def test_what_is_missing_is_404(api: Any) -> None:
    put(api, "a/b", b"")

    for path in ("nothing", "a", "a/b/c", "a/nothing"):
        reply = get(api, path)
        assert (reply.status_code, reply.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


def test_a_file_is_replaced_whole(api: Any, where: Where) -> None:
    put(api, "x.bin", b"old" * 5000)
    before = get(api, "x.bin").headers["etag"]
    put(api, "x.bin", b"new")

    after = get(api, "x.bin")
    assert (after.content, after.headers["content-length"]) == (b"new", "3")
    assert after.headers["etag"] != before
    assert where.files() == ["x.bin"]


def test_large_files_come_back_as_they_went(api: Any, where: Where) -> None:
    """Larger than a part, and than what is read at once, by a few odd bytes."""
    for size in (8 * MIB, 8 * MIB + 1, 20 * MIB + 3):
        body = os.urandom(size)
        reply = put(api, "large.bin", body)
        assert reply.status_code == 200, reply.text

        assert get(api, "large.bin").content == body
        assert listed(api) == [("large.bin", False, size)]


ODD_NAMES = [
    "ä ö ü.txt",
    "日本語/файл",
    "a+b=c&d.txt",
    "100%.txt",
    "50%41.txt",
    "star*[ab].txt",
    "q'uo\"te.txt",
    "{braces}",
    "~tilde",
    "comma, and",
    "dots...and.more.",
    "@at",
    " spaces around ",
    "x" * 200,
]


def test_odd_names(start_server: Any, where: Where) -> None:
    """Over a real socket: what tests otherwise speak through decodes percent signs once too often."""
    server = start_server()
    for name in ODD_NAMES:
        body = name.encode()
        assert put(server, f"odd/{name}", body).status_code == 200, name

        assert get(server, f"odd/{name}").content == body
        assert where.files() == [f"odd/{name}"]
        assert [entry[0] for entry in listed(server, "odd")] == [name.partition("/")[0]]
        assert server.http.delete(f"{PROXY}/odd/{quote(name.partition('/')[0])}").json() == {}
        assert where.files() == []


def test_deleting_takes_a_file_or_a_directory_and_nothing_beside(api: Any, where: Where) -> None:
    for path in ("a/one", "a/sub/two", "ab/three", "a.txt", "*/four", "b"):
        put(api, path)

    assert api.http.delete(f"{PROXY}/a").json() == {}
    assert where.files() == ["*/four", "a.txt", "ab/three", "b"]
    assert api.http.delete(f"{PROXY}/{quote('*')}").json() == {}
    assert where.files() == ["a.txt", "ab/three", "b"]
    assert api.http.delete(f"{PROXY}/a.txt").json() == {}
    assert api.http.delete(f"{PROXY}/nothing").json() == {}
    assert where.files() == ["ab/three", "b"]
    assert api.http.delete(f"{PROXY}/").status_code == 400
    assert where.files() == ["ab/three", "b"]


def test_a_directory_of_more_files_than_a_page(
    api: Any, where: Where, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "PAGE_OBJECTS", 4)
    names = [f"{number:02d}" for number in range(11)]
    for name in names:
        put(api, f"many/{name}")
        put(api, f"many/{name}/below")

    listing = listed(api, "many")
    assert [name for name, is_dir, _ in listing if is_dir] == ([] if where.kind == "local" else names)
    assert [name for name, is_dir, _ in listing if not is_dir] == names
    assert api.http.delete(f"{PROXY}/many").status_code == 200
    assert where.files() == []


RANGES = [
    ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
    ("bytes=4-", 206, b"456789", "bytes 4-9/10"),
    ("bytes=-3", 206, b"789", "bytes 7-9/10"),
    ("bytes=-99", 206, b"0123456789", "bytes 0-9/10"),
    ("bytes=9-99", 206, b"9", "bytes 9-9/10"),
    ("bytes=10-", 416, b"", "bytes */10"),
    ("bytes=99-100", 416, b"", "bytes */10"),
    ("bytes=-0", 416, b"", "bytes */10"),
    ("bytes=5-4", 200, b"0123456789", None),
    ("bytes=-", 200, b"0123456789", None),
    ("bytes=0-1,4-5", 200, b"0123456789", None),
    ("lines=0-1", 200, b"0123456789", None),
]


def test_ranges(api: Any) -> None:
    put(api, "digits", b"0123456789")

    for header, status, content, content_range in RANGES:
        reply = get(api, "digits", Range=header)
        found = (reply.status_code, reply.content, reply.headers.get("content-range"))
        assert found == (status, content, content_range), header
        assert reply.headers["accept-ranges"] == "bytes"


def test_a_range_of_another_version_is_the_whole_file(api: Any) -> None:
    put(api, "digits", b"0123456789")
    etag = get(api, "digits").headers["etag"]
    date = get(api, "digits").headers["last-modified"]

    assert get(api, "digits", Range="bytes=0-1", **{"If-Range": etag}).status_code == 206
    assert get(api, "digits", Range="bytes=0-1", **{"If-Range": date}).status_code == 206
    assert get(api, "digits", Range="bytes=0-1", **{"If-Range": '"other"'}).status_code == 200
    assert get(api, "digits", Range="bytes=0-1", **{"If-Range": "nonsense"}).status_code == 200
    assert get(api, "digits", **{"If-None-Match": f'"x", {etag}'}).status_code == 304


def test_a_range_deep_in_a_large_file(api: Any) -> None:
    body = os.urandom(12 * MIB)
    put(api, "large", body)

    reply = get(api, "large", Range=f"bytes={5 * MIB - 7}-{11 * MIB + 5}")

    assert reply.content == body[5 * MIB - 7 : 11 * MIB + 6]


def test_head_tells_what_get_would(api: Any) -> None:
    put(api, "a.txt", b"0123456789")

    head = api.http.head(f"{PROXY}/a.txt")
    whole = get(api, "a.txt")

    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "etag", "last-modified", "content-type", "content-disposition"):
        assert head.headers[name] == whole.headers[name]
    assert api.http.head(f"{PROXY}/nothing").status_code == 404


def test_an_upload_that_is_cut_leaves_nothing(start_server: Any, where: Where) -> None:
    server = start_server()
    server.http.put(f"{PROXY}/cut.bin", content=b"older").raise_for_status()
    with socket.create_connection(server.address) as connection:
        head = f"PUT {PROXY}/cut.bin HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000000\r\n\r\n"
        connection.sendall(head.encode() + b"x" * (20 * MIB))
    # The server notices the closed connection by itself; its answer to this comes after.
    assert server.http.put(f"{PROXY}/whole.bin", content=b"whole").status_code == 200
    server.stop(30)

    assert where.files() == ["cut.bin", "whole.bin"]
    if where.kind == "s3":
        assert where.service is not None
        assert where.service.unfinished_uploads() == 0
    assert start_server().http.get(f"{PROXY}/cut.bin").content == b"older"


ATTACKS = [
    "%2e%2e/outside",
    "%252e%252e/outside",
    "a/%252e%252e/%252e%252e/outside",
    "..%2foutside",
    "..%252f..%252foutside",
    "%5c..%5coutside",
    "C:/outside",
    "s3://artifacts-of-tests/outside",
    "%2foutside",
    "a%23/outside",
    "a%3fversionId=1",
    "a%00b",
]


def test_nothing_outside_is_reached(api: Any, where: Where, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("outside")
    before: list[str] = []
    if where.service is not None:
        prefix = where.destination.removeprefix(f"{where.service.root}/")
        artifact_services.put_object(where.service, f"{prefix}x/outside", b"outside")
        artifact_services.put_object(where.service, "outside", b"outside")
        before = where.service.object_keys()

    for attack in ATTACKS:
        for method in ("GET", "PUT", "DELETE", "HEAD"):
            body = b"evil" if method == "PUT" else None
            reply = api.http.request(method, f"{PROXY}/{attack}", content=body)
            assert reply.status_code in (400, 404), (attack, method, reply.status_code)

    assert (tmp_path / "outside").read_text() == "outside"
    assert where.files() == []
    if where.service is not None:
        assert where.service.object_keys() == before


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a store that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("where", OBJECT_STORES, indirect=True)
def test_a_store_that_hangs_is_503_within_the_deadline(
    make_api: Any, with_settings: Any, where: Where, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert where.service is not None
    for name, value in where.service.environ.items():
        monkeypatch.setenv(name, value.replace(where.service.url.removesuffix("/devstoreaccount1"), silent))
    api = make_api(with_settings(artifact_deadline_s=0.5))
    began = time.monotonic()

    for reply in (
        api.http.put(f"{PROXY}/x", content=b"x" * 100),
        api.http.put(f"{PROXY}/x", content=b"x" * (9 * MIB)),
        api.http.get(f"{PROXY}/x"),
        api.http.delete(f"{PROXY}/x"),
        api.http.get(PROXY, params={"path": ""}),
    ):
        assert (reply.status_code, reply.json()["error_code"]) == (503, "TEMPORARILY_UNAVAILABLE")
        assert "gave no answer for 0.5 s" in reply.text or "did not do what was asked" in reply.text
    assert time.monotonic() - began < 8  # five requests, each of which may take half a second at most


@pytest.mark.parametrize("where", ["s3"], indirect=True)
def test_a_store_that_hangs_holds_up_nothing_else(start_server: Any, where: Where, silent: str) -> None:
    """More requests than there are threads for artifacts wait for the store; the database still answers."""
    server = start_server("--artifact-deadline-s=6", MLFLOW_S3_ENDPOINT_URL=silent)
    waiting = [socket.create_connection(server.address) for _ in range(MAX_THREADS + 8)]
    try:
        for connection in waiting:
            connection.sendall(f"GET {PROXY}/x HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

        began = time.monotonic()
        for _ in range(20):
            assert server.post("experiments/search", max_results=10)["experiments"]
        took_s = time.monotonic() - began
        answers = [connection.recv(15) for connection in waiting[:MAX_THREADS]]
        answered_s = time.monotonic() - began
    finally:
        for connection in waiting:
            connection.close()

    assert took_s < 4
    assert answered_s < 20  # all at once, and not a few at a time
    assert answers == [b"HTTP/1.1 503 Se"] * MAX_THREADS


@pytest.mark.parametrize("where", OBJECT_STORES, indirect=True)
def test_a_bucket_that_is_not_there_is_503_and_names_it(
    make_api: Any, with_settings: Any, where: Where
) -> None:
    elsewhere = where.destination.replace(artifact_services.BUCKET, "no-such-bucket")
    api = make_api(with_settings(artifacts_destination=elsewhere))

    written = api.http.put(f"{PROXY}/x", content=b"x")

    assert written.status_code == 503
    assert "no-such-bucket" in written.json()["message"]
    assert api.http.get(f"{PROXY}/x").status_code in (404, 503)


@pytest.mark.parametrize("where", ["azure"], indirect=True)
def test_wrong_credentials_are_503_with_the_stores_code_and_without_the_credentials(
    make_api: Any, with_settings: Any, where: Where, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = "d3Jvbmcga2V5IHdyb25nIGtleSB3cm9uZyBrZXk="
    connection = os.environ["AZURE_STORAGE_CONNECTION_STRING"].replace(artifact_services.AZURE_KEY, wrong)
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", connection)
    api = make_api(with_settings())

    for reply in (api.http.put(f"{PROXY}/x", content=b"x"), api.http.get(PROXY, params={"path": ""})):
        assert reply.status_code == 503
        assert "AuthorizationFailure" in reply.text or "AuthenticationFailed" in reply.text
        assert wrong not in reply.text


@pytest.mark.parametrize("where", ["s3", "azure"], indirect=True)
def test_nobody_reads_half_of_one_content_and_half_of_another(where: Where) -> None:
    """The emulator of Google's store hands out the newest version, whichever is asked for."""
    location = locations.parse(where.destination)
    assert location is not None
    store, _ = locations.open_store(location, 20)

    def write(body: bytes) -> None:
        writer = store.open_writer("x")
        writer.write(body)
        writer.commit()

    write(b"a" * 6 * MIB)
    reader, size_bytes = store.open_reader("x")
    first = reader.read(100)
    write(b"b" * 6 * MIB)

    assert (size_bytes, first) == (6 * MIB, b"a" * 100)
    with pytest.raises(Unavailable):
        reader.read(5 * MIB)


def test_a_page_of_a_runs_files_begins_behind_a_name(api: Any) -> None:
    run_id = api.run()
    for name in ("a.txt", "b/inner.txt", "c.txt", "d/inner.txt"):
        assert put(api, f"0/{run_id}/artifacts/many/{name}").status_code == 200

    def names(**query: str) -> list[str]:
        html = api.http.get(f"/runs/{run_id}/artifacts", params=query).text
        return re.findall(r'<th scope="row"><a [^>]*>([^<]+)</a>', html)

    assert names(path="many") == ["b", "d", "a.txt", "c.txt"]
    assert names(path="many", after="b") == ["c.txt", "d"]
    assert names(path="many", after="d") == []
    assert names(path="many/b", find="INNER") == ["many/b/inner.txt"]
