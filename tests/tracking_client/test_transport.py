"""Calls over HTTP: what is tried again, for how long, and what the user is told."""

from __future__ import annotations

import itertools
import os
import socket
import threading
import time
from email.utils import formatdate
from typing import Any

import pytest

from tests.tracking_client.proxy import Proxy
from tracking_client.connection import Patience
from tracking_client.errors import (
    ApiError,
    ConnectFailed,
    InvalidArgument,
    NotFound,
    ServerFault,
    Timeout,
    TransportError,
    Unauthorized,
)
from tracking_client.tracking_uri import parse
from tracking_client.transport import Transport, transport_for

_CALL = "/api/2.0/mlflow/experiments/get"


class Clock:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.pauses: list[float] = []

    def now(self) -> float:
        return self.seconds

    def sleep(self, pause_s: float) -> None:
        self.pauses.append(pause_s)
        self.seconds += pause_s


class Stage:
    """A transport with a clock and a listener of its own."""

    def __init__(self, url: str, **patience: Any) -> None:
        self.clock = Clock()
        self.said: list[str] = []
        self.transport = Transport(
            parse(url),
            environ={},
            patience=Patience(**patience),
            sleep=self.clock.sleep,
            now=self.clock.now,
            say=self.said.append,
        )


def _error(
    status: int, code: str = "", message: str = "", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    body = f'{{"error_code": "{code}", "message": "{message}"}}' if code else ""
    return status, headers, body.encode()


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_call_sends_json_and_returns_the_reply(proxy: Proxy) -> None:
    proxy.plan = [(200, {}, b'{"a": "b"}')]
    stage = Stage(proxy.url)
    assert stage.transport.call("POST", _CALL, body={"x": 1}) == {"a": "b"}
    method, path, headers, body = proxy.requests[0]
    assert (method, path, body, headers["Content-Type"]) == ("POST", _CALL, b'{"x": 1}', "application/json")


def test_an_empty_answer_is_an_empty_object(proxy: Proxy) -> None:
    proxy.plan = [(200, {}, b"")]
    assert Stage(proxy.url).transport.call("POST", _CALL, body={}) == {}


def test_one_connection_serves_many_calls(proxy: Proxy) -> None:
    stage = Stage(proxy.url)
    for _ in range(5):
        stage.transport.call("GET", _CALL)
    assert stage.transport._pool is not None
    pool = stage.transport._pool.connection_from_url(proxy.url)
    assert (pool.num_connections, pool.num_requests) == (1, 5)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_passing_fault_is_tried_again(proxy: Proxy, status: int) -> None:
    proxy.plan = [_error(status), _error(status)]
    stage = Stage(proxy.url)
    assert stage.transport.call("GET", _CALL) == {}
    assert len(proxy.requests) == 3
    assert len(stage.clock.pauses) == 2


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (_error(400, "INVALID_PARAMETER_VALUE", "no"), InvalidArgument),
        (_error(404, "RESOURCE_DOES_NOT_EXIST", "no"), NotFound),
        (_error(401), Unauthorized),
        (_error(413), ApiError),
        (_error(501, "NOT_IMPLEMENTED", "no"), ServerFault),
        (_error(500, "INVALID_STATE", "no"), ServerFault),
    ],
)
def test_a_lasting_fault_is_raised_at_once(proxy: Proxy, answer: Any, kind: type[ApiError]) -> None:
    proxy.plan = [answer]
    with pytest.raises(kind):
        Stage(proxy.url).transport.call("GET", _CALL)
    assert len(proxy.requests) == 1


def test_a_fault_of_the_server_that_does_not_pass_is_raised_long_before_the_deadline(proxy: Proxy) -> None:
    proxy.plan = [_error(500, "INTERNAL_ERROR", "a bug") for _ in range(50)]
    stage = Stage(proxy.url)
    with pytest.raises(ServerFault, match="a bug"):
        stage.transport.call("GET", _CALL)
    assert len(proxy.requests) == 6
    assert stage.clock.seconds - 1000 < 10


def test_pauses_grow_vary_and_end_with_the_deadline(proxy: Proxy) -> None:
    proxy.plan = [_error(503) for _ in range(500)]
    stage = Stage(proxy.url, deadline_s=60, first_pause_s=0.1, longest_pause_s=5)
    with pytest.raises(ServerFault):
        stage.transport.call("GET", _CALL)
    pauses = stage.clock.pauses
    assert 15 <= len(pauses) <= 60
    assert sum(pauses) <= 60
    limits = [min(5.0, 0.1 * 2**index) for index in range(len(pauses))]
    assert all(limit / 2 <= pause <= limit for pause, limit in zip(pauses, limits, strict=True))
    assert len({round(pause, 6) for pause in pauses[-5:]}) > 1


def test_the_number_of_retries_can_be_limited(proxy: Proxy) -> None:
    proxy.plan = [_error(503) for _ in range(10)]
    with pytest.raises(ServerFault):
        Stage(proxy.url, max_retries=2).transport.call("GET", _CALL)
    assert len(proxy.requests) == 3


def test_the_server_says_when_to_come_back(proxy: Proxy) -> None:
    later = formatdate(time.time() + 30, usegmt=True)
    proxy.plan = [_error(429, **{"Retry-After": "7"}), _error(503, **{"Retry-After": later})]
    stage = Stage(proxy.url)
    stage.transport.call("GET", _CALL)
    assert stage.clock.pauses[0] == 7.0
    assert 20 < stage.clock.pauses[1] <= 30


def test_a_server_that_is_not_there_is_announced_once_and_waited_for() -> None:
    url = f"http://127.0.0.1:{_closed_port()}"
    stage = Stage(url, deadline_s=20)
    with pytest.raises(ConnectFailed, match="Connection refused") as caught:
        stage.transport.call("GET", _CALL)
    assert not caught.value.maybe_received
    assert 10 < stage.clock.seconds - 1000 <= 20
    assert len(stage.said) == 1
    assert stage.said[0].startswith(f"tracking server at {url} does not answer; trying again until ")


def test_its_return_is_announced_too(proxy: Proxy) -> None:
    stage = Stage(proxy.url)
    stage.transport._announced_outage = True
    stage.transport.call("GET", _CALL)
    stage.transport.call("GET", _CALL)
    assert stage.said == [f"tracking server at {proxy.url} answers again"]


def test_a_connection_that_breaks_is_made_anew_without_a_word(proxy: Proxy) -> None:
    proxy.plan = ["refuse"]
    stage = Stage(proxy.url)
    assert stage.transport.call("GET", _CALL) == {}
    assert stage.said == []


def test_a_server_that_does_not_answer_in_time_is_a_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        stage = Stage(f"http://127.0.0.1:{silent.getsockname()[1]}", read_s=0.05, max_retries=0)
        with pytest.raises(Timeout) as caught:
            stage.transport.call("GET", _CALL)
    assert caught.value.maybe_received


def test_an_error_after_a_lost_answer_says_so(proxy: Proxy) -> None:
    proxy.plan = ["lose", _error(400, "RESOURCE_ALREADY_EXISTS", "exists")]
    with pytest.raises(ApiError) as caught:
        Stage(proxy.url).transport.call("POST", _CALL, body={})
    assert caught.value.maybe_repeated
    proxy.plan = [_error(400, "RESOURCE_ALREADY_EXISTS", "exists")]
    with pytest.raises(ApiError) as caught:
        Stage(proxy.url).transport.call("POST", _CALL, body={})
    assert not caught.value.maybe_repeated


def test_what_was_carried_out_before_the_answer_was_lost_is_no_error_the_second_time(proxy: Proxy) -> None:
    stage = Stage(proxy.url)
    proxy.plan = ["lose", _error(404, "RESOURCE_DOES_NOT_EXIST", "gone")]
    stage.transport.call_once(_CALL, {})
    proxy.plan = [_error(404, "RESOURCE_DOES_NOT_EXIST", "gone")]
    with pytest.raises(NotFound):
        stage.transport.call_once(_CALL, {})


def test_an_answer_that_is_not_the_api_asks_whether_this_is_a_tracking_server(proxy: Proxy) -> None:
    proxy.plan = [(200, {}, b"<html>Welcome")]
    with pytest.raises(TransportError, match="is this a tracking server"):
        Stage(proxy.url).transport.call("GET", _CALL)


def test_a_redirect_names_the_address_to_set(proxy: Proxy) -> None:
    proxy.plan = [(301, {"Location": "https://other.invalid/"}, b"")]
    with pytest.raises(ApiError, match=r"redirects to https://other\.invalid/: set MLFLOW_TRACKING_URI"):
        Stage(proxy.url).transport.call("POST", _CALL, body={})


def test_no_message_shows_a_secret(proxy: Proxy) -> None:
    url = f"http://me:hush-hush@127.0.0.1:{_closed_port()}"
    stage = Stage(url, deadline_s=2)
    with pytest.raises(ConnectFailed) as caught:
        stage.transport.call("GET", _CALL)
    proxy.plan = [_error(401)]
    with pytest.raises(Unauthorized) as refused:
        Stage(proxy.url.replace("http://", "http://me:hush-hush@")).transport.call("GET", _CALL)
    shown = f"{caught.value!r} {caught.value.__cause__!r} {refused.value!r} {stage.said}"
    assert "hush-hush" not in shown
    assert "MLFLOW_TRACKING_TOKEN" in str(refused.value)


def test_threads_share_a_transport(proxy: Proxy) -> None:
    stage = Stage(proxy.url)
    failures: list[BaseException] = []

    def call_often() -> None:
        try:
            for _ in range(20):
                assert stage.transport.call("GET", _CALL) == {}
        except BaseException as error:  # noqa: BLE001  # shown by the main thread
            failures.append(error)

    threads = [threading.Thread(target=call_often) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(proxy.requests) == 160


def test_a_forked_child_uses_connections_of_its_own(proxy: Proxy) -> None:
    transport = transport_for(proxy.url)
    transport.call("GET", _CALL)
    before = transport._pool
    with transport._lock:  # as another thread of the parent might at the moment of the fork
        child = os.fork()
        if child == 0:
            try:
                transport.call("GET", "/from/child")
                os._exit(0 if transport._pool is not before else 3)
            except BaseException:  # noqa: BLE001  # nothing may come back into pytest twice
                os._exit(4)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    transport.call("GET", _CALL)
    assert transport._pool is before
    assert [path for _, path, _, _ in proxy.requests] == [_CALL, "/from/child", _CALL]


def test_one_uri_has_one_transport(proxy: Proxy) -> None:
    made = [transport_for(proxy.url) for _ in range(3)]
    assert all(one is other for one, other in itertools.pairwise(made))


def test_new_credentials_in_the_environment_are_used(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    for token in ("one", "two"):
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", token)
        transport_for(proxy.url).call("GET", _CALL)
    assert [headers["Authorization"] for _, _, headers, _ in proxy.requests] == ["Bearer one", "Bearer two"]


def test_calls_go_through_the_proxy_of_the_environment(proxy: Proxy) -> None:
    transport = Transport(parse("http://tracking.invalid:5000"), environ={"HTTP_PROXY": proxy.url})
    assert transport.call("GET", _CALL) == {}
    assert proxy.requests[0][1] == f"http://tracking.invalid:5000{_CALL}"
    transport.close()
