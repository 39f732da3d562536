"""The endpoints of metric histories."""

from __future__ import annotations

from typing import Any

import pytest

from tracking_server.api import metrics as api_metrics


@pytest.fixture
def run_id(api: Any) -> str:
    return str(api.run())


def log(api: Any, run_id: str, points: list[tuple[int, int, float | str]], key: str = "m") -> None:
    """Log (timestamp, step, value)."""
    for start in range(0, len(points), 1000):
        api.post(
            "runs/log-batch",
            run_id=run_id,
            metrics=[
                {"key": key, "timestamp": timestamp, "step": step, "value": value}
                for timestamp, step, value in points[start : start + 1000]
            ],
        )


def test_a_history_is_ordered_by_time_step_and_value(api: Any, run_id: str) -> None:
    log(api, run_id, [(2, 0, 0.1), (1, 5, 0.2), (1, 5, 0.1), (1, 4, 9), (1, 5, 0.1)])

    history = api.get("metrics/get-history", run_id=run_id, metric_key="m")["metrics"]

    found = [(point["timestamp"], point["step"], point["value"]) for point in history]
    assert found == [(1, 4, 9), (1, 5, 0.1), (1, 5, 0.2), (2, 0, 0.1)]


def test_pages_neither_skip_nor_repeat_even_when_points_arrive_between_them(api: Any, run_id: str) -> None:
    log(api, run_id, [(1, step, value) for step in range(10) for value in (0.5, "NaN", 0.25)])
    seen: list[tuple[int, float | str]] = []
    token: str | None = ""
    while token is not None:
        page = api.get("metrics/get-history", run_id=run_id, metric_key="m", max_results=4, page_token=token)
        seen += [(point["step"], point["value"]) for point in page["metrics"]]
        token = page.get("next_page_token")
        log(api, run_id, [(0, len(seen), 0)])  # before everything that was seen

    assert len(seen) == 30
    assert set(seen) == {(step, value) for step in range(10) for value in (0.5, "NaN", 0.25)}


def test_a_page_of_exactly_the_rest_is_the_last(api: Any, run_id: str) -> None:
    log(api, run_id, [(step, step, 1) for step in range(4)])

    page = api.get("metrics/get-history", run_id=run_id, metric_key="m", max_results=4)

    assert len(page["metrics"]) == 4
    assert "next_page_token" not in page


def test_unknown_metrics_and_unknown_runs_have_no_points(api: Any, run_id: str) -> None:
    assert api.get("metrics/get-history", run_id=run_id, metric_key="m") == {}
    assert api.get("metrics/get-history", run_id="nope", metric_key="m") == {}
    assert api.refused("GET", "metrics/get-history", run_id=run_id)[0] == 400


@pytest.mark.parametrize("max_results", ["0", "-1", "x", str(2**70)])
def test_bad_page_sizes_are_refused(api: Any, run_id: str, max_results: str) -> None:
    status, _, _ = api.refused(
        "GET", "metrics/get-history", run_id=run_id, metric_key="m", max_results=max_results
    )

    assert status == 400


@pytest.mark.parametrize("token", ["x", "e30=", "AAAA", "W10=", "bnVsbA=="])
def test_broken_page_tokens_are_refused(api: Any, run_id: str, token: str) -> None:
    log(api, run_id, [(1, 1, 1)])

    query = {"run_id": run_id, "metric_key": "m", "page_token": token}
    assert api.refused("GET", "metrics/get-history", **query)[0] == 400


def test_a_token_belongs_to_its_metric(api: Any, run_id: str) -> None:
    log(api, run_id, [(step, step, 1) for step in range(4)])
    token = api.get("metrics/get-history", run_id=run_id, metric_key="m", max_results=2)["next_page_token"]

    query = {"run_id": run_id, "metric_key": "other", "page_token": token}
    assert api.refused("GET", "metrics/get-history", **query)[0] == 400


@pytest.mark.parametrize("points", [1, 3, 7, 8, 21, 22])
def test_a_client_that_asks_for_no_pages_gets_everything_in_one_reply_made_of_parts(
    api: Any, run_id: str, monkeypatch: pytest.MonkeyPatch, points: int
) -> None:
    monkeypatch.setattr(api_metrics, "CHUNK", 7)
    log(api, run_id, [(step // 2, step, "NaN" if step == 4 else step) for step in range(points)])

    reply = api.get("metrics/get-history", run_id=run_id, metric_key="m")

    assert [point["step"] for point in reply["metrics"]] == list(range(points))
    assert reply.keys() == {"metrics"}


def test_a_page_is_never_longer_than_the_server_allows(
    api: Any, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_metrics, "MAX_PAGE", 5)
    log(api, run_id, [(step, step, step) for step in range(8)])

    page = api.get("metrics/get-history", run_id=run_id, metric_key="m", max_results=2**31)

    assert len(page["metrics"]) == 5
    assert page["next_page_token"]


def test_bulk_history_names_the_run_of_every_point(api: Any, run_id: str) -> None:
    other = api.run()
    log(api, run_id, [(1, 1, 1)])
    log(api, other, [(1, 1, 2), (2, 2, 3)])

    reply = api.http.get(
        "/ajax-api/2.0/mlflow/metrics/get-history-bulk",
        params={"run_id": [run_id, other], "metric_key": "m", "max_results": 100},
    ).json()

    assert {(point["run_id"], point["value"]) for point in reply["metrics"]} == {
        (run_id, 1),
        (other, 2),
        (other, 3),
    }


def test_sampling_keeps_the_ends_and_spreads_evenly(api: Any, run_id: str) -> None:
    log(api, run_id, [(step, step, float(step)) for step in range(1000)])

    points = api.get("metrics/get-history-bulk-interval", run_ids=[run_id], metric_key="m", max_results=11)[
        "metrics"
    ]

    steps = [point["step"] for point in points]
    assert (steps[0], steps[-1], len(steps)) == (0, 999, 11)
    assert {later - earlier for earlier, later in zip(steps, steps[1:], strict=False)} <= {99, 100}


def test_sampling_within_steps(api: Any, run_id: str) -> None:
    log(api, run_id, [(step, step, 1) for step in range(100)])
    query: dict[str, Any] = {"run_ids": [run_id], "metric_key": "m"}

    points = api.get("metrics/get-history-bulk-interval", **query, start_step=10, end_step=12)["metrics"]

    assert [point["step"] for point in points] == [10, 11, 12]
    assert {point["run_id"] for point in points} == {run_id}
    assert api.refused("GET", "metrics/get-history-bulk-interval", **query, start_step=1)[0] == 400
    assert api.refused("GET", "metrics/get-history-bulk-interval", **query, max_results=2501)[0] == 400
    assert (
        api.refused("GET", "metrics/get-history-bulk-interval", **query, start_step=2, end_step=1)[0] == 400
    )


@pytest.mark.parametrize("limit", [2, 3, 5, 50])
def test_a_sample_of_a_run_that_went_back_has_the_first_and_the_last_step(
    api: Any, run_id: str, limit: int
) -> None:
    steps = [*range(50, 100), *range(50), *range(20, 40)]
    log(api, run_id, [(stamp, step, 1) for stamp, step in enumerate(steps)])

    query: dict[str, Any] = {"run_ids": [run_id], "metric_key": "m", "max_results": limit}
    points = api.get("metrics/get-history-bulk-interval", **query)["metrics"]

    found = [point["step"] for point in points]
    assert (found[0], found[-1], len(found)) == (0, 99, limit)
    assert found == sorted(found)


def test_many_points_at_one_step_are_thinned_too(api: Any, run_id: str) -> None:
    log(api, run_id, [(stamp, 0, float(stamp)) for stamp in range(500)])

    points = api.get("metrics/get-history-bulk-interval", run_ids=[run_id], metric_key="m", max_results=5)[
        "metrics"
    ]

    assert [point["value"] for point in points] == [0, 124, 249, 374, 499]


def test_at_most_a_hundred_runs_at_once(api: Any) -> None:
    query = {"run_ids": ["x"] * 101, "metric_key": "m"}

    assert api.refused("GET", "metrics/get-history-bulk-interval", **query)[0] == 400
