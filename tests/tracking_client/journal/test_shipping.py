"""A journal is shipped exactly once, whatever the server and the way to it do."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tracking_client.proxy import Proxy
from tests.tracking_client.servers import wait_until
from tracking_client.client import TrackingClient
from tracking_client.errors import InvalidArgument, NotFound
from tracking_client.journal import journals, shipper
from tracking_client.journal.spool import REFUSED_FOLDER, all_in
from tracking_client.journal_folder import journal_folder
from tracking_client.local_server import LocalServer
from tracking_client.mlflow_client import MlflowClient
from tracking_client.tracking_uri import set_tracking_uri
from tracking_client.wire.entities import Metric, Param

LOG_BATCH = "POST /api/2.0/mlflow/runs/log-batch"


def answer(status: int, code: str = "", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """A step of the proxy's plan."""
    body = json.dumps({"error_code": code, "message": f"the proxy says {status}"}) if code else "<html>"
    return status, headers, body.encode()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses that do not slow the tests down."""
    monkeypatch.setattr(shipper, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(shipper, "LONGEST_PAUSE_S", 0.05)


@pytest.fixture
def run_id(client: TrackingClient, experiment_id: str) -> str:
    return client.create_run(experiment_id).info.run_id


@pytest.fixture
def through_proxy(
    server: LocalServer, client: TrackingClient, proxy: Proxy, impatient: None
) -> Iterator[MlflowClient]:
    """A client whose way to the server is the proxy."""
    proxy.upstream = server.url
    set_tracking_uri(proxy.url)
    yield MlflowClient()
    proxy.plan = []
    journals.finish_all()


def _log(client: MlflowClient, run_id: str, first: int, count: int) -> None:
    client.log_batch(run_id, [Metric("m", step / 3, 1, step) for step in range(first, first + count)])


def _steps(client: TrackingClient, run_id: str) -> list[int]:
    return [metric.step for metric in client.get_metric_history(run_id, "m")]


def _flushed(client: MlflowClient) -> bool:
    wait_until(client.flush, "the journal is shipped")
    return True


TROUBLES: dict[str, list[Any]] = {
    "too long": [answer(413)],
    "too long again and again": [answer(413)] * 5,
    "no credentials": [answer(401), answer(401)],
    "forbidden": [answer(403, "PERMISSION_DENIED")],
    "too many": [answer(429, "REQUEST_LIMIT_EXCEEDED", **{"Retry-After": "0"})] * 3,
    "too many, without a hint": [answer(429)],
    "a fault": [answer(500, "INTERNAL_ERROR")] * 3,
    "a bad gateway": [answer(502)] * 2,
    "away for a while": [answer(503, "TEMPORARILY_UNAVAILABLE")] * 10,
    "a gateway that does not know the way": [answer(404)] * 8,
    "a redirect": [answer(302, Location="http://127.0.0.1:1/")],
    "refused connections": ["refuse"] * 5,
    "lost answers": ["lose"] * 3,
    "a broken answer": [(200, {"Content-Length": "1000"}, b"{")],
    "everything": ["lose", answer(503), "refuse", answer(413), "lose", answer(429), "lose", answer(500)],
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_everything_arrives_exactly_once_and_in_order(
    trouble: str, through_proxy: MlflowClient, proxy: Proxy, client: TrackingClient, run_id: str
) -> None:
    proxy.plan[:] = TROUBLES[trouble]
    _log(through_proxy, run_id, 0, 1500)
    through_proxy.set_tag(run_id, "a", "first")
    through_proxy.set_tag(run_id, "a", "last")
    through_proxy.log_param(run_id, "p", 1)
    assert _flushed(through_proxy)
    assert _steps(client, run_id) == list(range(1500))
    run = client.get_run(run_id)
    assert (run.data.tags["a"], run.data.params) == ("last", {"p": "1"})
    journals.finish_all()
    assert all_in(journal_folder()) == []
    assert not (journal_folder() / REFUSED_FOLDER).exists()


def test_a_request_that_is_too_long_is_sent_in_halves(
    through_proxy: MlflowClient, proxy: Proxy, client: TrackingClient, run_id: str
) -> None:
    proxy.plan[:] = [answer(413)]
    _log(through_proxy, run_id, 0, 1000)
    assert _flushed(through_proxy)
    sizes = [len(json.loads(body)["metrics"]) for method, _, _, body in proxy.requests if method == "POST"]
    assert sizes == [1000, 500, 500]


def test_a_server_that_names_a_time_is_left_alone_so_long(
    through_proxy: MlflowClient, proxy: Proxy, run_id: str
) -> None:
    proxy.plan[:] = [answer(429, **{"Retry-After": "1"})]
    began = time.monotonic()
    _log(through_proxy, run_id, 0, 1)
    wait_until(lambda: len(proxy.requests) == 2, "the value is sent again")
    assert time.monotonic() - began >= 1.0


def test_a_tag_is_removed_although_the_answer_is_lost(
    through_proxy: MlflowClient, proxy: Proxy, client: TrackingClient, run_id: str
) -> None:
    client.set_tag(run_id, "a", "x")
    proxy.plan[:] = ["lose"]
    through_proxy.delete_tag(run_id, "a")
    assert _flushed(through_proxy)
    assert proxy.paths()[-1] == "POST /api/2.0/mlflow/runs/delete-tag"
    assert "a" not in client.get_run(run_id).data.tags


class Poisoned:
    """A server that always fails for one value, and takes all others."""

    def __init__(self, upstream: str, step: int) -> None:
        self._upstream, self._step = upstream, f'"step":{step}}}'.encode()
        self.failed = 0

    def pop(self, _index: int) -> Any:
        body = self.requests[-1][3]
        if self._step in body:
            self.failed += 1
            return answer(500, "INTERNAL_ERROR")
        return "pass"

    requests: list[tuple[str, str, dict[str, str], bytes]]


@pytest.fixture
def poisoned(proxy: Proxy, server: LocalServer) -> Poisoned:
    found = Poisoned(server.url, 666)
    found.requests = proxy.requests
    proxy.plan = found  # type: ignore[assignment]  # asked for the next step like a list that never ends
    return found


def test_a_value_that_the_server_always_fails_for_is_refused_and_the_rest_arrives(
    through_proxy: MlflowClient,
    poisoned: Poisoned,
    client: TrackingClient,
    run_id: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    through_proxy.log_metric(run_id, "before", 1.0, 1, 1)
    _log(through_proxy, run_id, 0, 1000)
    refusal = _refusal(through_proxy.flush)
    assert "the proxy says 500" in refusal
    assert _steps(client, run_id) == [step for step in range(1000) if step != 666]
    journals.finish_all()
    assert all_in(journal_folder()) == []
    (kept,) = (journal_folder() / REFUSED_FOLDER).iterdir()
    (line,) = kept.read_text().splitlines()
    told = json.loads(line)
    assert (told["run_id"], told["kind"], told["entry"]["step"]) == (run_id, "m", 666)
    assert "the tracking server refuses a value" in capfd.readouterr().err


def _refusal(flush: Callable[[], object]) -> str:
    from tracking_client.errors import ApiError

    found: list[str] = []

    def is_refused() -> bool:
        try:
            flush()
        except ApiError as error:
            found.append(str(error))
        return bool(found)

    wait_until(is_refused, "the refusal is raised")
    return found[0]


def test_a_server_that_fails_for_everything_is_waited_for(
    through_proxy: MlflowClient, proxy: Proxy, client: TrackingClient, run_id: str
) -> None:
    """Nothing counts as refused because a server was down for long."""
    proxy.plan[:] = [answer(500, "INTERNAL_ERROR")] * 60
    _log(through_proxy, run_id, 0, 4)
    assert _flushed(through_proxy)
    assert _steps(client, run_id) == list(range(4))


def test_a_value_that_is_refused_for_good_right_after_an_outage_does_not_block_those_that_follow(
    through_proxy: MlflowClient, proxy: Proxy, client: TrackingClient, run_id: str
) -> None:
    client.log_param(run_id, "p", 1)
    proxy.plan[:] = [answer(503)] * 10
    through_proxy.log_batch(run_id, params=[Param("p", "2")])
    assert "p" in _refusal(through_proxy.flush)
    _log(through_proxy, run_id, 0, 1)
    assert _flushed(through_proxy)
    assert _steps(client, run_id) == [0]


def test_a_parameter_changed_by_somebody_else_is_raised_at_the_next_read_and_only_once(
    client: TrackingClient, run_id: str
) -> None:
    client.log_param(run_id, "p", 1)
    program = MlflowClient()
    program.log_batch(run_id, [Metric("m", 1.0, 1, 1)], [Param("p", "2"), Param("q", "3")], [])
    with pytest.raises(InvalidArgument, match="p"):
        program.get_run(run_id)
    run = program.get_run(run_id)
    assert (run.data.params, run.data.metrics) == ({"p": "1", "q": "3"}, {"m": 1.0})


def test_a_parameter_with_two_values_keeps_the_first_and_raises(client: TrackingClient, run_id: str) -> None:
    program = MlflowClient()
    program.log_param(run_id, "p", 1)
    program.log_param(run_id, "p", 2)
    with pytest.raises(InvalidArgument):
        program.flush()
    assert client.get_run(run_id).data.params == {"p": "1"}


def test_a_run_that_is_not_there_refuses_all_that_it_is_told_and_no_other_run_suffers(
    client: TrackingClient, run_id: str
) -> None:
    program = MlflowClient()
    unknown = "f" * 32
    _log(program, unknown, 0, 700)
    _log(program, run_id, 0, 700)
    with pytest.raises(NotFound):
        program.flush()
    assert _steps(client, run_id) == list(range(700))
    journals.finish_all()
    (kept,) = (journal_folder() / REFUSED_FOLDER).iterdir()
    refused = [json.loads(line) for line in kept.read_text().splitlines()]
    assert [line["entry"]["step"] for line in refused] == list(range(700))


def test_values_of_several_runs_in_turns_arrive_in_order(client: TrackingClient, experiment_id: str) -> None:
    runs = [client.create_run(experiment_id).info.run_id for _ in range(3)]
    program = MlflowClient()
    for step in range(600):
        program.log_metric(runs[step % 3], "m", step, 1, step)
        if step % 50 == 0:
            program.set_tag(runs[step % 3], "at", step)
    assert program.flush()
    for index, each in enumerate(runs):
        assert _steps(client, each) == list(range(index, 600, 3))
    assert [client.get_run(each).data.tags["at"] for each in runs] == ["450", "550", "500"]


def test_segments_roll_while_threads_append_and_nothing_is_lost(
    client: TrackingClient, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracking_client.journal.journal.SEGMENT_BYTES", 2000)
    monkeypatch.setattr("tracking_client.journal.shipping.WINDOW_BYTES", 1000)
    monkeypatch.setattr(shipper, "GATHER_S", 0.0)
    program = MlflowClient()
    numbers: set[int] = set()

    def log(thread: int) -> None:
        for step in range(400):
            program.log_metric(run_id, f"m{thread}", step, step, step)
            if step % 20 == 0:
                numbers.update(
                    int(path.stem) for folder in all_in(journal_folder()) for path in folder.glob("*.log")
                )

    threads = [threading.Thread(target=log, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert program.flush()
    for number in range(4):
        history = client.get_metric_history(run_id, f"m{number}")
        assert [metric.step for metric in history] == list(range(400))
    assert len(numbers) > 1, "no segment was rolled"


def test_a_flush_does_not_wait_for_a_segment_that_is_empty(
    client: TrackingClient, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracking_client.journal.journal.SEGMENT_BYTES", 10)
    monkeypatch.setenv("RUNNER_FLUSH_DEADLINE_S", "5")
    program = MlflowClient()
    program.log_metric(run_id, "m", 1.0, 1, 0)

    def is_rolled() -> bool:
        (path,) = all_in(journal_folder())
        return program.flush() and (path / "2.log").exists()

    wait_until(is_rolled, "the next segment is there")
    assert program.flush()


def test_an_outage_does_not_touch_the_users_random_numbers(
    through_proxy: MlflowClient, proxy: Proxy, run_id: str, tmp_path: Path
) -> None:
    import random

    proxy.plan[:] = [answer(503)] * 4
    random.seed(1)
    expected = random.Random(1).random()
    _log(through_proxy, run_id, 0, 1)
    assert _flushed(through_proxy)
    assert random.random() == expected
