"""Reads see what the process wrote before; ends and waits say what the server does not have."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

import tracking_client as tracking
from tests.tracking_client.proxy import Proxy
from tests.tracking_client.scripts import Scripts
from tests.tracking_client.servers import wait_until
from tracking_client.client import TrackingClient
from tracking_client.errors import InvalidArgument, NotFound, TrackingError
from tracking_client.journal import journals
from tracking_client.journal.spool import all_in
from tracking_client.journal_folder import journal_folder
from tracking_client.local_server import LocalServer
from tracking_client.mlflow_client import MlflowClient
from tracking_client.wire.entities import Dataset, DatasetInput


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracking_client.journal.shipper.FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr("tracking_client.journal.shipper.LONGEST_PAUSE_S", 0.05)


@pytest.fixture
def proxied(client: TrackingClient, server: LocalServer, proxy: Proxy, quick: None) -> Iterator[Proxy]:
    """The fluent functions talk to the server through the proxy."""
    proxy.upstream = server.url
    tracking.set_tracking_uri(proxy.url)
    yield proxy
    proxy.plan.clear()
    tracking.end_run()
    journals.finish_all()


def test_every_read_sees_what_was_logged_before(client: TrackingClient, experiment_id: str) -> None:
    with tracking.start_run(experiment_id=experiment_id) as run:
        run_id = run.info.run_id
        tracking.log_metric("m", 1.0, step=1)
        assert tracking.get_run(run_id).data.metrics == {"m": 1.0}
        tracking.log_metric("m", 2.0, step=2)
        last = tracking.last_active_run()
        assert last is not None
        assert last.data.metrics == {"m": 2.0}
        tracking.log_metric("m", 3.0, step=3)
        history = tracking.MlflowClient().get_metric_history(run_id, "m")
        assert [metric.step for metric in history] == [1, 2, 3]
        tracking.log_param("p", "x")
        found = tracking.search_runs([experiment_id], "params.p = 'x'", output_format="list")
        assert [each.info.run_id for each in found] == [run_id]
        tracking.set_tag("t", "y")
        page = tracking.MlflowClient().search_runs([experiment_id], "tags.t = 'y'")
        assert [each.info.run_id for each in page] == [run_id]
        dataset = Dataset(name="wine", digest="abc", source_type="local", source="{}")
        tracking.MlflowClient().log_inputs(run_id, [DatasetInput(dataset=dataset)])
        assert [item.dataset.name for item in tracking.get_run(run_id).inputs.dataset_inputs] == ["wine"]
    ended = tracking.last_active_run()
    assert ended is not None
    assert (ended.info.run_id, ended.info.status) == (run_id, "FINISHED")


def test_a_read_sees_them_also_where_an_attempt_to_send_them_failed(
    proxied: Proxy, experiment_id: str
) -> None:
    with tracking.start_run(experiment_id=experiment_id) as run:
        proxied.plan[:] = ["refuse", (503, {}, b""), "lose"]
        tracking.log_metric("m", 1.0)
        assert tracking.get_run(run.info.run_id).data.metrics == {"m": 1.0}


def test_what_is_logged_synchronously_is_on_the_server_when_the_call_returns(
    proxied: Proxy, client: TrackingClient, experiment_id: str
) -> None:
    with tracking.start_run(experiment_id=experiment_id) as run:
        run_id = run.info.run_id
        troubles: tuple[Any, ...] = ("refuse", (503, {}, b""), (429, {}, b""), "lose")
        for step, trouble in enumerate(troubles):
            proxied.plan[:] = [trouble, trouble]
            tracking.log_metric("m", step, step=step, synchronous=True)
            assert len(client.get_metric_history(run_id, "m")) == step + 1
        assert tracking.log_param("p", 1, synchronous=True) == 1
        tracking.log_params({"q": 2}, synchronous=True)
        tracking.set_tag("t", "x", synchronous=True)
        tracking.log_metrics({"a": 1.0, "b": 2.0}, synchronous=True)
        data = client.get_run(run_id).data
        assert (data.params, data.tags["t"]) == ({"p": "1", "q": "2"}, "x")
        assert data.metrics == {"m": 3.0, "a": 1.0, "b": 2.0}
        program = MlflowClient()
        program.log_metric(run_id, "c", 3.0, synchronous=True)
        assert client.get_run(run_id).data.metrics["c"] == 3.0


def test_what_is_logged_asynchronously_can_be_waited_for(
    proxied: Proxy, client: TrackingClient, experiment_id: str
) -> None:
    with tracking.start_run(experiment_id=experiment_id) as run:
        proxied.plan[:] = ["refuse", "lose"]
        pending = tracking.log_metric("m", 1.0, synchronous=False)
        assert pending is not None
        pending.wait()
        assert client.get_run(run.info.run_id).data.metrics == {"m": 1.0}
        tracking.log_param("p", 1, synchronous=False).wait()
        tracking.log_metric("m", 2.0, step=1)
        tracking.flush_async_logging()
        assert client.get_run(run.info.run_id).data.metrics == {"m": 2.0}


@pytest.mark.parametrize("way", ["synchronous", "wait"])
def test_to_wait_for_a_server_that_takes_nothing_is_an_error(
    way: str, proxied: Proxy, client: TrackingClient, experiment_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUNNER_FLUSH_DEADLINE_S", "0.2")
    with tracking.start_run(experiment_id=experiment_id) as run:
        proxied.plan[:] = [(503, {}, b"")] * 10_000
        wait = tracking.log_param("p", 1, synchronous=False).wait
        with pytest.raises(TrackingError, match="503"):
            wait() if way == "wait" else tracking.log_param("p", 1, synchronous=True)
        proxied.plan.clear()
        monkeypatch.setenv("RUNNER_FLUSH_DEADLINE_S", "10")
        tracking.flush_async_logging()
        assert client.get_run(run.info.run_id).data.params == {"p": "1"}


def test_a_parameter_that_is_changed_is_an_error_at_the_call_and_changes_nothing(
    client: TrackingClient, experiment_id: str
) -> None:
    with tracking.start_run(experiment_id=experiment_id) as run:
        tracking.log_param("p", 1)
        with pytest.raises(InvalidArgument, match="Changing param values is not allowed"):
            tracking.log_params({"new": 1, "p": 2})
        with pytest.raises(InvalidArgument):
            tracking.log_params({1: "a", "1": "b"})  # type: ignore[dict-item]  # as users do
        tracking.log_params({"new": 2, "p": 1})
        tracking.flush_async_logging()
        assert client.get_run(run.info.run_id).data.params == {"p": "1", "new": "2"}


def test_a_tag_that_is_not_set_cannot_be_removed(client: TrackingClient, experiment_id: str) -> None:
    with tracking.start_run(experiment_id=experiment_id):
        tracking.set_tag("t", 1)
        tracking.delete_tag("t")
        with pytest.raises(NotFound):
            tracking.delete_tag("t")


def test_what_the_server_refused_is_raised_by_a_flush_or_a_read_and_never_kept_silent(
    client: TrackingClient, experiment_id: str, capfd: pytest.CaptureFixture[str]
) -> None:
    run_id = client.create_run(experiment_id).info.run_id
    client.log_param(run_id, "p", 1)
    program = MlflowClient()
    for wait in (
        program.flush,
        lambda: program.get_run(run_id),
        lambda: program.search_runs([experiment_id]),
        lambda: program.get_metric_history(run_id, "m"),
        lambda: program.log_metric(run_id, "m", 1.0, synchronous=True),
        tracking.flush_async_logging,
    ):
        program.log_param(run_id, "p", 2)
        with pytest.raises(InvalidArgument):
            wait()
        assert "the tracking server refuses a value" in capfd.readouterr().err
    program.log_param(run_id, "p", 3)
    journals.finish_all()
    assert "refused a value" in capfd.readouterr().err


_ENDS = """
import time
import tracking_client as tracking
with tracking.start_run() as run:
    print(run.info.run_id, flush=True)
    for step in range(1000):
        tracking.log_metric("m", step, step=step)
    {wait}
    began = time.monotonic()
print(time.monotonic() - began)
"""


def test_the_end_without_a_server_takes_some_seconds_and_says_what_is_left_and_how_it_is_sent(
    client: TrackingClient, proxy: Proxy, server: LocalServer, scripts: Scripts
) -> None:
    proxy.upstream = server.url
    source = _ENDS.format(wait="import sys; sys.stdin.readline()")
    with scripts.start_fed(source, MLFLOW_TRACKING_URI=proxy.url) as process:
        assert process.stdout is not None
        run_id = process.stdout.readline().strip()
        proxy.plan[:] = ["refuse"] * 100_000
        began = time.monotonic()
        out, err = process.communicate("go on\n", timeout=60)
        took_s = time.monotonic() - began
    assert process.returncode == 0, err
    assert float(out) < 4
    assert took_s < 15
    (path,) = all_in(journal_folder())
    assert f"1,001 values are not sent yet. They are kept in {path}; send them with: runner sync" in err
    assert "Traceback" not in err
    proxy.plan.clear()
    tracking.set_tracking_uri(proxy.url)
    # The next one to log there sends it.
    other = client.create_run("0").info.run_id
    MlflowClient().log_metric(other, "m", 1.0)
    wait_until(lambda: not path.exists(), "what the other program left is sent")
    journals.finish_all()
    assert all_in(journal_folder()) == []
    assert client.get_run(run_id).info.status == "FINISHED"
    assert [metric.step for metric in client.get_metric_history(run_id, "m")] == list(range(1000))


def test_a_clean_exit_leaves_nothing_in_the_journal_folder(client: TrackingClient, scripts: Scripts) -> None:
    done = scripts.run(_ENDS.format(wait=""))
    assert (done.returncode, done.stderr) == (0, "")
    assert list(journal_folder().iterdir()) == []
    run_id = done.stdout.split()[0]
    assert len(client.get_metric_history(run_id, "m")) == 1000


def test_a_server_that_accepts_and_never_answers_holds_the_end_up_for_the_deadline_only(
    scripts: Scripts,
) -> None:
    source = """
import tracking_client as tracking
tracking.MlflowClient().log_metric("a" * 32, "m", 1.0)
"""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        done = scripts.run(
            source,
            MLFLOW_TRACKING_URI=f"http://127.0.0.1:{silent.getsockname()[1]}",
            RUNNER_FLUSH_DEADLINE_S="2",
        )
    assert time.monotonic() - began < 10
    assert done.returncode == 0
    assert "1 values are not sent yet" in done.stderr
