"""Clients that are slow, silent, endless or too many: each is cut off, and nobody else notices."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

HEAD = b"GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n"
UPLOAD = (
    b"PUT /api/2.0/mlflow-artifacts/artifacts/x.bin HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
)


@pytest.fixture
def connect() -> Iterator[Callable[..., socket.socket]]:
    """Opens connections that end with the test."""
    with ExitStack() as opened:

        def connect(server: Any, send: bytes = b"", *, receive_buffer: int | None = None) -> socket.socket:
            connection = opened.enter_context(socket.socket())
            if receive_buffer is not None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            connection.settimeout(15)
            connection.connect(server.address)
            connection.sendall(send)
            return connection

        yield connect


def one_reply(connection: socket.socket) -> bytes:
    """One reply of the server, whole."""
    said = b""
    while b"\r\n\r\n" not in said or not said.partition(b"\r\n\r\n")[2]:
        part = connection.recv(4096)
        assert part, said
        said += part
    return said


def everything(connection: socket.socket) -> bytes:
    """What the server says until it hangs up."""
    said = b""
    try:
        while part := connection.recv(65_536):
            said += part
    except ConnectionResetError:
        pass
    return said


def drip(connection: socket.socket, what: bytes) -> bytes:
    """Send `what` again and again, slowly, until the server hangs up; what it said."""
    connection.settimeout(0.05)
    said = b""
    give_up_at = time.monotonic() + 15
    while time.monotonic() < give_up_at:
        try:
            connection.sendall(what)
            part = connection.recv(4096)
            said += part
            if not part:
                return said
        except TimeoutError:
            continue
        except OSError:
            return said
    pytest.fail("the server never hung up")


def cut_off(server: Any, why: str) -> bool:
    """Whether the server counted a client that it cut off."""
    return f'connections_cut_off_total{{why="{why}"}}' in server.http.get("/metrics").text


def peak_memory_mb(server: Any) -> int:
    """The most memory that the server has ever had."""
    status = Path(f"/proc/{server.process.pid}/status")
    if not status.exists():
        pytest.skip("only Linux tells the most memory that a process has had")
    lines = status.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024


def test_a_head_that_does_not_come_is_not_waited_for(start_server: Any, connect: Any) -> None:
    server = start_server("--patience-s=1")
    silent = connect(server)
    half = connect(server, b"GET / HTTP/1.1\r\nHost: loc")

    for connection in (silent, half):
        assert everything(connection).startswith(b"HTTP/1.1 408 ")
    assert cut_off(server, "head")


@pytest.mark.parametrize("drops", [b"X-Header: x\r\n", b"\r\n"], ids=["headers", "line breaks"])
def test_a_head_that_drips_is_not_waited_for(start_server: Any, connect: Any, drops: bytes) -> None:
    server = start_server("--patience-s=1")
    connection = connect(server, HEAD)
    assert one_reply(connection).startswith(b"HTTP/1.1 200 ")
    if drops != b"\r\n":
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
    said = drip(connection, drops)

    assert said.startswith(b"HTTP/1.1 408 ") or cut_off(server, "head")


def test_the_second_head_on_a_connection_must_come_in_time_too(start_server: Any, connect: Any) -> None:
    server = start_server("--patience-s=1")
    connection = connect(server, HEAD)
    assert one_reply(connection).startswith(b"HTTP/1.1 200 ")

    connection.sendall(b"GET / HTT")

    assert everything(connection).startswith(b"HTTP/1.1 408 ")


def test_a_body_that_stalls_or_drips_is_given_up_and_leaves_nothing(
    start_server: Any, connect: Any, settings: Any
) -> None:
    server = start_server("--patience-s=1")
    stalled = connect(server, UPLOAD % 1000 + b"begun")
    dripping = connect(server, UPLOAD % 1_000_000)
    said = drip(dripping, b"x")

    assert said.startswith(b"HTTP/1.1 408 ") or cut_off(server, "body")
    assert everything(stalled).startswith(b"HTTP/1.1 408 ")
    assert server.http.get("/api/2.0/mlflow-artifacts/artifacts").json() == {}


def test_a_client_that_waits_for_the_server_is_not_cut_off(start_server: Any, connect: Any) -> None:
    server = start_server("--patience-s=1")
    connection = connect(server, HEAD)
    assert one_reply(connection).startswith(b"HTTP/1.1 200 ")
    until = time.monotonic() + 2.5  # kept alive: nothing has begun that could be late
    connection.settimeout(0.1)
    while time.monotonic() < until:
        with pytest.raises(TimeoutError):
            connection.recv(1)

    connection.settimeout(5)
    connection.sendall(HEAD)
    assert one_reply(connection).startswith(b"HTTP/1.1 200 ")


def test_a_slow_upload_that_goes_on_is_not_cut_off(start_server: Any, connect: Any) -> None:
    server = start_server("--patience-s=1")
    connection = connect(server, UPLOAD % (20_000 * 20))
    for _ in range(20):
        connection.sendall(b"x" * 20_000)
        time.sleep(0.1)  # this is what is tested: a client slower than the server's patience in all

    assert one_reply(connection).startswith(b"HTTP/1.1 200 ")


def test_a_client_that_does_not_read_its_reply_is_cut_off(
    start_server: Any, connect: Any, wait_for: Any
) -> None:
    server = start_server("--patience-s=1")
    server.http.put("/api/2.0/mlflow-artifacts/artifacts/large.bin", content=b"x" * 20_000_000)
    path = b"/api/2.0/mlflow-artifacts/artifacts/large.bin"
    connection = connect(
        server, b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", receive_buffer=4096
    )

    wait_for(lambda: cut_off(server, "reply"))
    assert len(everything(connection)) < 20_000_000


def test_a_client_that_reads_slowly_gets_everything(start_server: Any, connect: Any) -> None:
    server = start_server("--patience-s=1")
    server.http.put("/api/2.0/mlflow-artifacts/artifacts/large.bin", content=b"x" * 3_000_000)
    path = b"/api/2.0/mlflow-artifacts/artifacts/large.bin"
    head = b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    connection = connect(server, head, receive_buffer=32_768)
    received = 0
    while part := connection.recv(50_000):
        received += len(part)
        time.sleep(0.03)  # this is what is tested: a reply that takes longer than the server's patience

    assert received > 3_000_000


ENDLESS = {
    "address": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "header": b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"a" * 100_000 + b"\r\n\r\n",
    "headers": b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X-Many: a\r\n" * 10_000 + b"\r\n",
    "endless": b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Endless: " + b"a" * 1_000_000,
}


def test_heads_are_bounded(start_server: Any, connect: Any) -> None:
    server = start_server()
    for head in ENDLESS.values():
        for first in (b"", HEAD):
            connection = connect(server, first)
            if first:
                assert one_reply(connection).startswith(b"HTTP/1.1 200 ")
            with suppress(OSError):  # refused before it was all sent
                connection.sendall(head)

            said = everything(connection)
            assert said == b"" or said.startswith(b"HTTP/1.1 431 ")
    assert server.http.get("/health").text == "OK"


def test_a_long_but_bounded_head_passes(start_server: Any) -> None:
    server = start_server()

    reply = server.http.get("/version", params={"x": "a" * 30_000}, headers={"X-Long": "b" * 30_000})

    assert reply.status_code == 200


SENT_AHEAD = b"GET / HTTP/1.1\r\n\r\n" * 16_000


def test_a_stranger_who_sends_requests_ahead_costs_no_memory(start_server: Any, connect: Any) -> None:
    server = start_server()
    before_mb = peak_memory_mb(server)
    connection = connect(server)

    with suppress(OSError):  # cut off before it was all sent
        for _ in range(30):
            connection.sendall(SENT_AHEAD)

    assert server.http.get("/health").text == "OK"
    assert peak_memory_mb(server) - before_mb < 50


def test_many_who_send_requests_ahead_do_not_keep_others_waiting(start_server: Any, connect: Any) -> None:
    server = start_server()
    before_mb = peak_memory_mb(server)
    slowest_s = 0.0
    for _ in range(5):
        for _ in range(20):
            connection = connect(server)
            connection.setblocking(False)
            with suppress(OSError):  # its buffers are full, or it was cut off
                while connection.send(SENT_AHEAD):
                    pass
        began = time.monotonic()
        assert server.http.get("/health").text == "OK"
        slowest_s = max(slowest_s, time.monotonic() - began)

    assert slowest_s < 5
    assert peak_memory_mb(server) - before_mb < 100


def test_some_requests_may_be_sent_ahead_and_are_answered_in_order(start_server: Any, connect: Any) -> None:
    server = start_server()
    body = b'{"experiment_ids": ["0"]}'
    search = (
        b"POST /api/2.0/mlflow/runs/search HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    )
    none = b"GET /none HTTP/1.1\r\nHost: localhost\r\n"
    connection = connect(server)
    for _ in range(3):
        connection.sendall((HEAD + search) * 20 + none + b"\r\n")
        said = b""
        while b"HTTP/1.1 404 " not in said:
            said += connection.recv(65_536)
        assert said.count(b"HTTP/1.1 200 ") == 40
    connection.sendall((HEAD + search) * 20 + none + b"Connection: close\r\n\r\n")
    kinds = [reply[:3] for reply in everything(connection).split(b"HTTP/1.1 ") if b"content-type" in reply]

    assert kinds[-41:] == [b"200"] * 40 + [b"404"]


def test_who_sends_too_many_requests_ahead_is_cut_off(start_server: Any, connect: Any) -> None:
    server = start_server()
    connection = connect(server)
    with suppress(OSError):  # cut off before it was all sent
        connection.sendall(HEAD * 5000)

    assert everything(connection).count(b"HTTP/1.1 200 ") < 5000
    assert server.http.get("/health").text == "OK"


def test_who_leaves_while_requests_wait_fills_no_log(
    start_server: Any, connect: Any, wait_for: Any, settings: Any
) -> None:
    server = start_server()
    large = Path(settings.artifacts_destination) / "large.bin"
    large.parent.mkdir(exist_ok=True)
    with large.open("wb") as file:
        file.truncate(1_000_000_000)
    path = b"/api/2.0/mlflow-artifacts/artifacts/large.bin"
    connection = connect(server, b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n" + HEAD * 3)
    assert one_reply(connection).startswith(b"HTTP/1.1 200 ")

    connection.close()

    wait_for(lambda: "requests_in_flight 1\n" in server.http.get("/metrics").text)
    assert "Traceback" not in server.log.read_text()


CHUNKED = b"POST %s HTTP/1.1\r\n%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n"  # the trailer follows
NEW = b"/api/2.0/mlflow/experiments/create"
HOST, JSON = b"Host: localhost\r\n", b"Content-Type: application/json\r\n"
ENDLESS_TRAILERS = {
    "lines": (b"", b"x: y\r\n" * 20_000),
    "a value": (b"x: ", b"y" * 100_000),
    "a name": (b"", b"y" * 100_000),
}


@pytest.mark.parametrize("kind", ENDLESS_TRAILERS)
def test_trailers_are_bounded(start_server: Any, connect: Any, kind: str) -> None:
    server = start_server()
    before_mb = peak_memory_mb(server)
    begun, more = ENDLESS_TRAILERS[kind]
    connection = connect(server, CHUNKED % (NEW, HOST + JSON, 2, b"{}") + begun)

    with pytest.raises((ConnectionResetError, BrokenPipeError)):  # cut off before it was all sent
        connection.sendall(more * 500)

    assert server.http.get("/health").text == "OK"
    assert peak_memory_mb(server) - before_mb < 50


@pytest.mark.parametrize(
    ("head", "trailer", "status"),
    [
        (HOST, JSON, 400),
        (JSON, HOST, 403),
        (HOST + JSON, b"Authorization: Bearer the secret\r\n", 401),
        (HOST + JSON + b"Authorization: Bearer the secret\r\n", b"Host: evil.example\r\nX: y\r\n", 200),
    ],
    ids=["content type", "host", "token", "nothing that matters"],
)
def test_a_trailer_is_no_header(
    start_server: Any, connect: Any, tmp_path: Path, head: bytes, trailer: bytes, status: int
) -> None:
    token_file = tmp_path / "token"
    token_file.write_text("the secret")
    server = start_server(*([f"--token-file={token_file}"] if status in (200, 401) else []))
    body = b'{"name": "smuggled"}'

    connection = connect(server, CHUNKED % (NEW, head, len(body), body) + trailer + b"\r\n")

    assert one_reply(connection).startswith(b"HTTP/1.1 %d " % status)
    connection.sendall(HEAD)
    assert one_reply(connection).startswith(b"HTTP/1.1 200 ")


def test_what_is_no_http_gets_an_error_as_every_other(start_server: Any, connect: Any) -> None:
    server = start_server()
    said = everything(connect(server, b"\x16\x03\x01 this is TLS\r\n\r\n"))
    head, _, body = said.partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["error_code"] == "BAD_REQUEST"
    assert "Invalid HTTP" not in server.log.read_text()  # anybody could fill the log


def test_idle_clients_make_room_for_new_ones(start_server: Any, connect: Any) -> None:
    server = start_server("--max-connections=10")
    idle = [connect(server, HEAD) for _ in range(9)]
    for connection in idle:
        assert one_reply(connection).startswith(b"HTTP/1.1 200 ")
    silent = [connect(server) for _ in range(30)]

    late = connect(server, HEAD)

    assert one_reply(late).startswith(b"HTTP/1.1 200 ")
    assert server.http.get("/health").text == "OK"
    assert everything(idle[0]) == b""
    assert everything(silent[0]) == b""
    assert cut_off(server, "room")


@pytest.fixture
def all_busy(start_server: Any, connect: Any) -> tuple[Any, list[socket.socket]]:
    """A server with ten places, and the ten uploads of five bytes that have them."""
    server = start_server("--max-connections=10")
    server.http.get("/version", headers={"Connection": "close"})
    head = (UPLOAD % 5).replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
    uploads = [connect(server, head) for _ in range(10)]
    for upload in uploads:
        assert upload.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"  # it has begun: its place is not idle
    return server, uploads


def test_where_everybody_is_busy_a_quick_request_is_answered(all_busy: Any) -> None:
    server, uploads = all_busy
    for _ in range(20):
        reply = server.http.get("/health")
        assert reply.text == "OK"
        assert reply.headers["connection"] == "close"  # the place is the next one's

    for upload in uploads:
        upload.sendall(b"xxxxx")
        assert one_reply(upload).startswith(b"HTTP/1.1 200 ")
    assert server.http.get("/health").headers.get("connection") != "close"


def test_where_everybody_is_busy_a_slow_request_is_told_to_come_back(all_busy: Any, connect: Any) -> None:
    server, _ = all_busy
    said = everything(connect(server, UPLOAD % 5 + b"x"))

    assert said.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after" in said


def test_where_even_the_places_for_quick_requests_are_taken_one_more_is_told_to_come_back(
    all_busy: Any, connect: Any
) -> None:
    server, uploads = all_busy
    said = b""
    until = time.monotonic() + 10
    while b" 503 " not in said and time.monotonic() < until:  # the uploads begin in their own time
        for _ in range(30):
            connect(server, UPLOAD % 5 + b"x")
        said = everything(connect(server, HEAD.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")))

    assert said.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after" in said
    for upload in uploads:
        upload.sendall(b"xxxxx")
        assert one_reply(upload).startswith(b"HTTP/1.1 200 ")


def test_quick_requests_push_each_other_out_only_where_nothing_else_is_left(
    all_busy: Any, connect: Any
) -> None:
    server, _ = all_busy
    first = connect(server, HEAD[:10])
    for _ in range(7):
        connect(server)  # and says nothing

    first.sendall(HEAD[10:])
    assert one_reply(first).startswith(b"HTTP/1.1 200 ")
    for _ in range(9):
        connect(server)
    assert server.http.get("/health").text == "OK"
    assert cut_off(server, "room")


def test_many_slow_clients_do_not_keep_a_quick_one_waiting(start_server: Any, connect: Any) -> None:
    server = start_server("--max-connections=50")
    for _ in range(200):
        connect(server, b"GET / HTTP/1.1\r\nHost: local")

    began = time.monotonic()
    assert server.get("experiments/get", experiment_id="0")
    assert time.monotonic() - began < 2
