"""Metrics: points, the latest of them, and their histories."""

from __future__ import annotations

from typing import Any

from tests.replay.record import Speaker


def conversation(server: Speaker) -> None:
    run = _run(server, "points")
    _points(server, run)
    _latest(server)
    _history(server)
    _bulk(server)
    _keys(server)


def _run(server: Speaker, name: str) -> str:
    made = server.post("runs/create", {"experiment_id": "0", "start_time": 1, "run_name": name})
    return str(made["run"]["info"]["run_id"])


def _points(server: Speaker, run: str) -> None:
    def log(say: str = "", /, **body: Any) -> None:
        server.post(
            "runs/log-metric",
            {"run_id": run, "key": "k", "value": 1.0, "timestamp": 1, "step": 0, **body},
            say=say,
        )

    log()
    log("the same again")
    log("another value at that step", value=0.5)
    log("a whole number", key="whole", value=3)
    log("a number as text", key="text", value="2.5")
    log("time and step as text", key="text", value="2.75", timestamp="7", step="3")
    log("no number", key="bad", value="a lot")
    log("a boolean", key="bad", value=True)
    log("a list", key="bad", value=[1])
    log("null", key="bad", value=None)
    log("NaN as text", key="nan", value="NaN")
    log("NaN twice", key="nan", value="NaN")
    log("infinite as text", key="inf", value="Infinity")
    log("minus infinite as text", key="-inf", value="-Infinity")
    log("infinite as Python writes it", key="bad", value="inf")
    log("the largest", key="large", value=1.7976931348623157e308)
    log("the smallest", key="small", value=5e-324)
    log("minus zero", key="zero", value=-0.0)
    log("a large whole number", key="big", value=12345678901234567890)
    log("exact", key="exact", value=0.1)
    log("negative step", key="past", step=-3)
    log("negative time", key="past", timestamp=-3)
    log("step with a fraction", key="bad", step=1.5)
    log("step as a whole float", key="whole step", step=2.0)
    log("time with a fraction", key="bad", timestamp=1.5)
    log("step too large", key="bad", step=2**63)
    log("largest step", key="steps", step=2**63 - 1)
    log("null step", key="null step", step=None)
    log("unknown field", key="extra", colour="red")
    server.post("runs/log-metric", {"run_id": run, "value": 1, "timestamp": 1}, say="no key")
    server.post("runs/log-metric", {"run_id": run, "key": "", "value": 1, "timestamp": 1}, say="empty key")
    server.post("runs/log-metric", {"run_id": run, "key": "a", "timestamp": 1}, say="no value")
    server.post("runs/log-metric", {"run_id": run, "key": "a", "value": 1}, say="no time")
    server.post(
        "runs/log-metric", {"run_id": run, "key": "no step", "value": 1, "timestamp": 1}, say="no step"
    )
    server.post(
        "runs/log-metric",
        {"run_uuid": run, "key": "by uuid", "value": 1, "timestamp": 1},
        say="run_uuid alone",
    )
    server.post(
        "runs/log-metric",
        {"run_uuid": run, "run_id": run, "key": "by both", "value": 1, "timestamp": 1},
        say="both ids",
    )
    server.post(
        "runs/log-metric",
        {"run_uuid": "other", "run_id": run, "key": "by run_id", "value": 1, "timestamp": 1},
        say="two ids",
    )
    log("of a dataset", key="data", dataset_name="d", dataset_digest="x")
    log("of a model that is not there", key="model", model_id="m-nothing")
    server.get("runs/get", {"run_id": run})
    for key in ("k", "text", "nan", "inf", "-inf", "whole", "past", "zero", "big", "data"):
        server.get("metrics/get-history", {"run_id": run, "metric_key": key})


def _latest(server: Speaker) -> None:
    run = _run(server, "latest")
    latest: dict[str, list[tuple[Any, int, int]]] = {
        "step wins": [(1, 10, 5), (2, 5, 1), (3, 1, 2)],
        "then time": [(1, 10, 5), (2, 11, 5), (3, 9, 5)],
        "then value": [(1, 10, 5), (3, 10, 5), (2, 10, 5)],
        "nan at the end": [(1, 10, 5), ("NaN", 10, 6)],
        "nan at the same step": [(-1, 10, 5), ("NaN", 10, 5), (-2, 10, 5)],
        "nan against more": [(1, 10, 5), ("NaN", 10, 5)],
    }
    for key, values in latest.items():
        for value, timestamp, step in values:
            server.post(
                "runs/log-metric",
                {"run_id": run, "key": key, "value": value, "timestamp": timestamp, "step": step},
            )
    metrics = [
        {"key": "batch", "value": value, "timestamp": 3, "step": step}
        for value, step in ((1, 1), (2, 3), (3, 2))
    ]
    server.post("runs/log-batch", {"run_id": run, "metrics": metrics})
    server.get("runs/get", {"run_id": run})
    server.get("metrics/get-history", {"run_id": run, "metric_key": "nan at the same step"})


def _history(server: Speaker) -> None:
    run = _run(server, "history")
    for start in range(0, 12, 4):
        points = [
            {"key": "m", "value": index / 4, "timestamp": 100 - index, "step": index % 5}
            for index in range(start, start + 4)
        ]
        server.post("runs/log-batch", {"run_id": run, "metrics": points})

    def history(say: str = "", /, **query: Any) -> Any:
        return server.get("metrics/get-history", {"run_id": run, "metric_key": "m", **query}, say=say)

    history()
    page = history("a page", max_results=5)
    page = history("the next", max_results=5, page_token=page["next_page_token"])
    page = history("the last", max_results=5, page_token=page["next_page_token"])
    history("all in one page", max_results=12)
    history("more than there is", max_results=25000)
    history("none", max_results=0)
    history("negative", max_results=-1)
    history("no number", max_results="x")
    history("unknown token", max_results=5, page_token="nonsense")
    server.get("metrics/get-history", {"run_id": run, "metric_key": "nothing"})
    server.get("metrics/get-history", {"run_id": run}, say="no key")
    server.get("metrics/get-history", {"metric_key": "m"}, say="no run")
    server.get("metrics/get-history", {"run_id": "nope", "metric_key": "m"}, say="no such run")
    server.get(
        "metrics/get-history", {"run_uuid": run, "metric_key": "m", "max_results": 1}, say="by run_uuid"
    )


def _bulk(server: Speaker) -> None:
    runs = [_run(server, f"bulk {number}") for number in range(3)]
    for number, run in enumerate(runs[:2]):
        points = [
            {"key": "m", "value": step * 10 + number, "timestamp": 1000 + step, "step": step}
            for step in range(20)
        ]
        server.post("runs/log-batch", {"run_id": run, "metrics": points})
    bulk = "/ajax-api/2.0/mlflow/metrics/get-history-bulk"
    few = sorted(runs)[:1]
    server.get(bulk, {"run_id": few, "metric_key": "m", "max_results": 3}, say="one run")
    server.get(bulk, {"run_id": [runs[2]], "metric_key": "m"}, say="no points")
    server.get(bulk, {"run_id": [runs[0]], "metric_key": "nothing"})
    server.get(bulk, {"run_id": [runs[0]]}, say="no key")
    server.get(bulk, {"metric_key": "m"}, say="no run")
    server.get(bulk, {"run_id": ["nope"], "metric_key": "m"}, say="no such run")
    server.get(bulk, {"run_id": [runs[0]] * 101, "metric_key": "m"}, say="too many runs")
    server.get(bulk, {"run_id": [runs[0]], "metric_key": "m", "max_results": 30000}, say="more than allowed")
    server.get(bulk, {"run_id": [runs[0]], "metric_key": "m", "max_results": "x"}, say="no number")

    def interval(say: str = "", /, **query: Any) -> None:
        server.get(
            "metrics/get-history-bulk-interval", {"run_ids": [runs[0]], "metric_key": "m", **query}, say=say
        )

    interval()
    interval("five of twenty", max_results=5)
    interval("part", start_step=5, end_step=8)
    interval("part, thinned", start_step=2, end_step=17, max_results=4)
    interval("one step", start_step=5, end_step=5)
    interval("past the end", start_step=100, end_step=200)
    interval("turned around", start_step=8, end_step=5)
    interval("start only", start_step=5)
    interval("end only", end_step=5)
    interval("none", max_results=0)
    interval("too many", max_results=2501)
    interval("two runs", run_ids=runs[:2], max_results=3)
    interval("a run without points", run_ids=[runs[2]])
    interval("no such run", run_ids=["nope"])
    interval("too many runs", run_ids=[f"r{number}" for number in range(101)])
    interval("no such key", metric_key="nothing")
    server.get("metrics/get-history-bulk-interval", {"metric_key": "m"}, say="no runs")
    server.get("metrics/get-history-bulk-interval", {"run_ids": runs[:1]}, say="no key")


def _keys(server: Speaker) -> None:
    run = _run(server, "keys")
    keys = [
        "a/b/c",
        "a.b",
        "a-b",
        "a b",
        "a:b",
        "ünï",
        "系统",
        "x" * 250,
        "x" * 251,
        "a!",
        "a,b",
        "../a",
        "a/../b",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "./a",
        "a\\b",
        "a\nb",
        "a#b",
        "a%b",
        "a'b",
        "0",
    ]
    for key in keys:
        server.post("runs/log-metric", {"run_id": run, "key": key, "value": 1, "timestamp": 1}, say="key")
        server.post("runs/log-parameter", {"run_id": run, "key": key, "value": "1"}, say="key")
        server.post("runs/set-tag", {"run_id": run, "key": key, "value": "1"}, say="key")
    server.get("runs/get", {"run_id": run})
