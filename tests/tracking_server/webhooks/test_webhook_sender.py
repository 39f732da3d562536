"""One delivery: to a pinned address under its name, within a deadline, following nothing."""

from __future__ import annotations

import asyncio
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import trustme

from tracking_server.errors import InvalidParameter
from tracking_server.webhooks import sender as sender_module
from tracking_server.webhooks.addresses import system_resolve
from tracking_server.webhooks.sender import Answer, DeliveryFailed, Sender
from tracking_server.webhooks.targets import AllowedTargets, trust

NAME = "hooks.example"
PUBLIC = "93.184.215.14"
BODY = b'{"a": 1}'


class Resolver:
    """Answers what it is told, in order; the last answer stays."""

    def __init__(self, *answers: Sequence[str] | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def make_sender(receiver: Any, ca_file: Path) -> Callable[..., Sender]:
    """A sender that may tell the receiver, by the name that its certificate is for."""

    def make(resolve: Any = None, *, allowed: Sequence[str] | None = None, **more: Any) -> Sender:
        return Sender(
            allowed=AllowedTargets([f"{NAME}:{receiver.port}"] if allowed is None else allowed),
            context=trust(ca_file),
            resolve=resolve or Resolver(["127.0.0.1"]),
            **more,
        )

    return make


def post(sender: Sender, url: str) -> Answer:
    return asyncio.run(sender.post(url, BODY, {"X-MLflow-Delivery-Id": "7"}))


def failure(sender: Sender, url: str) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as failed:
        post(sender, url)
    return failed.value


@pytest.fixture
def url(receiver: Any) -> str:
    return f"https://{NAME}:{receiver.port}/hook?x=1"


def test_a_delivery_goes_to_the_address_under_the_name(
    make_sender: Callable[..., Sender], receiver: Any, url: str
) -> None:
    resolve = Resolver(["127.0.0.1"])

    answer = post(make_sender(resolve), url)

    [request] = receiver.received
    assert answer == Answer(status=200, excerpt="thanks")
    assert resolve.asked == [(NAME, receiver.port)]
    assert (request.path, request.body, request.server_name) == ("/hook?x=1", BODY, NAME)
    assert request.headers["Host"] == f"{NAME}:{receiver.port}"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["X-MLflow-Delivery-Id"] == "7"


def test_a_name_that_changes_its_mind_after_the_check_reaches_nobody(
    make_sender: Callable[..., Sender], receiver: Any, url: str
) -> None:
    resolve = Resolver([PUBLIC], ["127.0.0.1"])
    sender = make_sender(resolve, allowed=[])

    asyncio.run(sender.check(url))
    failed = failure(sender, url)

    assert failed.final
    assert len(resolve.asked) == 2
    assert receiver.connections == 0
    assert "127.0.0.1" not in str(failed)


def test_a_name_is_asked_for_once_per_delivery_so_that_it_cannot_change_in_between(
    make_sender: Callable[..., Sender], receiver: Any, url: str
) -> None:
    resolve = Resolver(["127.0.0.1"], [PUBLIC])

    post(make_sender(resolve), url)

    assert len(resolve.asked) == 1
    assert len(receiver.received) == 1


@pytest.mark.parametrize(
    "found", [["127.0.0.1"], [PUBLIC, "127.0.0.1"], ["2606:4700::1111", "::1"], ["fe80::1%1", PUBLIC]]
)
def test_one_address_of_the_inside_is_enough_to_be_refused(
    make_sender: Callable[..., Sender], receiver: Any, url: str, found: list[str]
) -> None:
    sender = make_sender(Resolver(found), allowed=[])

    with pytest.raises(InvalidParameter, match="must not resolve to a non-public IP address"):
        asyncio.run(sender.check(url))
    assert failure(sender, url).final
    assert receiver.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254"])
def test_addresses_in_the_url_are_refused_like_names(
    make_sender: Callable[..., Sender], receiver: Any, host: str
) -> None:
    sender = make_sender(Resolver([PUBLIC]), allowed=[])

    with pytest.raises(InvalidParameter):
        asyncio.run(sender.check(f"https://{host}:{receiver.port}/"))
    assert failure(sender, f"https://{host}:{receiver.port}/").final
    assert receiver.connections == 0


def test_being_allowed_is_a_matter_of_name_and_port_not_of_address(
    make_sender: Callable[..., Sender], receiver: Any
) -> None:
    sender = make_sender(allowed=[f"{NAME}:{receiver.port}"])

    assert failure(sender, f"https://other.example:{receiver.port}/").final
    assert receiver.connections == 0


def test_a_name_without_an_address_is_tried_again_later(make_sender: Callable[..., Sender], url: str) -> None:
    sender = make_sender(Resolver(OSError("no such name")))

    assert not failure(sender, url).final


def test_the_system_finds_addresses_and_says_where_there_are_none() -> None:
    assert asyncio.run(system_resolve("127.0.0.1", 443)) == ["127.0.0.1"]
    with pytest.raises(OSError, match=r"\w"):
        asyncio.run(system_resolve("nobody.invalid", 443))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(
    make_sender: Callable[..., Sender], receiver: Any, url: str, status: int
) -> None:
    receiver.reply(status, headers={"Location": f"https://{NAME}:{receiver.port}/elsewhere"})

    failed = failure(make_sender(), url)

    assert failed.final
    assert "redirect" in str(failed)
    assert [request.path for request in receiver.received] == ["/hook?x=1"]


@pytest.mark.parametrize(
    ("status", "final"),
    [
        (400, True),
        (404, True),
        (410, True),
        (408, False),
        (425, False),
        (429, False),
        (500, False),
        (503, False),
    ],
)
def test_what_will_not_get_better_is_final(
    make_sender: Callable[..., Sender], receiver: Any, url: str, status: int, final: bool
) -> None:
    receiver.reply(status, body=b"no")

    failed = failure(make_sender(), url)

    assert failed.final is final
    assert failed.answer == Answer(status=status, excerpt="no")


def test_proxies_of_the_environment_are_not_used(
    make_sender: Callable[..., Sender], receiver: Any, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert post(make_sender(), url).status == 200


def test_a_certificate_for_another_name_is_refused(receiver: Any, ca_file: Path) -> None:
    sender = Sender(
        allowed=AllowedTargets([f"other.example:{receiver.port}"]),
        context=trust(ca_file),
        resolve=Resolver(["127.0.0.1"]),
    )

    failed = failure(sender, f"https://other.example:{receiver.port}/")

    assert "certificate" in str(failed)
    assert receiver.received == []


def test_a_certificate_of_nobody_who_is_trusted_is_refused(receiver: Any, url: str, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    sender = Sender(
        allowed=AllowedTargets([f"{NAME}:{receiver.port}"]),
        context=trust(other),
        resolve=Resolver(["127.0.0.1"]),
    )

    assert "certificate" in str(failure(sender, url))
    assert receiver.received == []


def test_the_next_address_is_taken_where_one_does_not_answer(
    make_sender: Callable[..., Sender], receiver: Any, url: str
) -> None:
    assert post(make_sender(Resolver(["127.1.2.3", "127.0.0.1"])), url).status == 200


def drip(piece: bytes, enough: threading.Event) -> Iterator[bytes]:
    """Bytes that keep coming, each before any patience with a single one ends."""
    while not enough.wait(0.05):
        yield piece


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 O", b"HTTP/1.1 200 OK\r\nX-Long: "])
def test_an_answer_that_drips_ends_at_the_deadline(
    make_sender: Callable[..., Sender], receiver: Any, url: str, start: bytes
) -> None:
    enough = threading.Event()
    receiver.reply(raw=itertools.chain([start], drip(b"x", enough)))
    began = time.monotonic()

    failed = failure(make_sender(deadline_s=0.5), url)

    enough.set()
    assert not failed.final
    assert time.monotonic() - began < 3


def test_a_body_that_drips_is_cut_off_after_the_status(
    make_sender: Callable[..., Sender], receiver: Any, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "REST_S", 0.3)
    enough = threading.Event()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
    receiver.reply(raw=itertools.chain([head], drip(b"x", enough)))

    answer = post(make_sender(), url)

    enough.set()
    assert answer.status == 200


def test_a_body_without_end_is_cut_off_and_quoted_briefly(
    make_sender: Callable[..., Sender], receiver: Any, url: str
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n"
    receiver.reply(raw=itertools.chain([head], itertools.repeat(b"x" * 8192)))

    answer = post(make_sender(), url)

    assert answer == Answer(status=200, excerpt="x" * sender_module.MAX_EXCERPT_BYTES)


@pytest.mark.parametrize(
    "raw",
    [
        [b"SSH-2.0-OpenSSH_9.9\r\n"],
        [b""],
        [b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"],
        itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n", 10_000),
        itertools.chain([b"HTTP/1.1 200 OK\r\n"], itertools.repeat(b"A: b\r\n")),
    ],
    ids=["ssh", "nothing", "upgrade", "endless 100", "endless headers"],
)
def test_what_does_not_answer_in_http_is_a_failure(
    make_sender: Callable[..., Sender], receiver: Any, url: str, raw: Any
) -> None:
    receiver.reply(raw=iter(raw))

    assert not failure(make_sender(), url).final


def test_an_announcement_before_the_answer_is_passed_over(
    make_sender: Callable[..., Sender], receiver: Any, url: str
) -> None:
    receiver.reply(raw=iter([b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"]))

    assert post(make_sender(), url).status == 204


def test_a_port_that_takes_connections_and_says_nothing_ends_at_the_deadline(
    ca_file: Path, make_sender: Callable[..., Sender]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        sender = make_sender(allowed=[f"{NAME}:{port}"], deadline_s=0.3)

        assert not failure(sender, f"https://{NAME}:{port}/").final


def test_nobody_there_is_a_failure_that_names_the_host_and_no_path(
    make_sender: Callable[..., Sender],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    sender = make_sender(allowed=[f"{NAME}:{port}"])

    failed = failure(sender, f"https://{NAME}:{port}/services/a-secret-path")

    assert not failed.final
    assert NAME in str(failed)
    assert "secret" not in str(failed)
