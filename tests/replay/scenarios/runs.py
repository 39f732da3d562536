"""Runs: their life, names and states."""

from __future__ import annotations

from typing import Any

from tests.replay.record import Speaker


def conversation(server: Speaker) -> None:
    _making(server)
    _changing(server)
    _deleting(server)


def _making(server: Speaker) -> None:
    server.post(
        "runs/create", {"experiment_id": "0", "start_time": 1000, "run_name": "first run", "user_id": "anne"}
    )
    server.post("runs/create", {"experiment_id": "0", "start_time": 1001}, say="a random name")
    server.post("runs/create", {"experiment_id": "0"}, say="no start time")
    server.post("runs/create", {"start_time": 1002, "run_name": "no experiment"}, say="no experiment")
    server.post("runs/create", {}, say="nothing at all")
    tags = [
        {"key": "mlflow.runName", "value": "by tag"},
        {"key": "mlflow.user", "value": "bob"},
        {"key": "z", "value": ""},
    ]
    server.post("runs/create", {"experiment_id": "0", "start_time": 1003, "tags": tags}, say="named by tag")
    server.post(
        "runs/create",
        {"experiment_id": "0", "start_time": 1003, "tags": tags, "run_name": "by tag"},
        say="named twice, the same",
    )
    server.post(
        "runs/create",
        {"experiment_id": "0", "start_time": 1003, "tags": tags, "run_name": "other"},
        say="named twice, otherwise",
    )
    server.post("runs/create", {"experiment_id": "99", "start_time": 1}, say="no such experiment")
    server.post("runs/create", {"experiment_id": "abc", "start_time": 1}, say="experiment id is no number")
    server.post(
        "runs/create",
        {"experiment_id": 0, "start_time": 1, "run_name": "number"},
        say="experiment id as a number",
    )
    server.post(
        "runs/create",
        {"experiment_id": "0", "start_time": "12", "run_name": "text"},
        say="start time as text",
    )
    server.post(
        "runs/create", {"experiment_id": "0", "start_time": "soon"}, say="start time that is no number"
    )
    server.post("runs/create", {"experiment_id": "0", "start_time": 1.5}, say="start time with a fraction")
    server.post(
        "runs/create", {"experiment_id": "0", "start_time": -5, "run_name": "past"}, say="negative start time"
    )
    server.post("runs/create", {"experiment_id": "0", "start_time": 2**63}, say="start time too large")
    server.post(
        "runs/create",
        {"experiment_id": "0", "start_time": 1, "tags": [{"key": "a" * 251, "value": "1"}]},
        say="long tag key",
    )
    server.post(
        "runs/create",
        {"experiment_id": "0", "start_time": 1, "tags": [{"value": "1"}]},
        say="tag without key",
    )
    server.post(
        "runs/create",
        {
            "experiment_id": "0",
            "start_time": 1,
            "tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}],
            "run_name": "twice",
        },
        say="tag twice",
    )
    server.post(
        "runs/create", {"experiment_id": "0", "start_time": 1, "tags": {"key": "a"}}, say="tags as an object"
    )
    server.post("runs/create", {"experiment_id": "0", "start_time": 1, "run_name": 5}, say="name as a number")
    server.post(
        "runs/create",
        {"experiment_id": "0", "start_time": 1, "user_id": 5, "run_name": "u"},
        say="user as a number",
    )
    server.post(
        "runs/create", {"experiment_id": "0", "start_time": 1, "run_name": "n" * 251}, say="a long name"
    )
    server.post("runs/create", {"experiment_id": "0", "start_time": 1, "run_name": "  "}, say="a blank name")
    bucket = server.post("experiments/create", {"name": "bucket", "artifact_location": "s3://bucket/x/"})[
        "experiment_id"
    ]
    server.post("runs/create", {"experiment_id": bucket, "start_time": 1, "run_name": "in a bucket"})


def _changing(server: Speaker) -> None:
    run = server.post("runs/create", {"experiment_id": "0", "start_time": 1000, "run_name": "changing"})[
        "run"
    ]["info"]["run_id"]

    def change(say: str = "", /, **body: object) -> None:
        server.post("runs/update", {"run_id": run, **body}, say=say)

    change(status="SCHEDULED")
    change(run_name="changed")
    server.get("runs/get", {"run_id": run})
    change(status="FINISHED", end_time=2000)
    change("nothing")
    change("status by number", status=4)
    change("status by number as text", status="5")
    change("status unknown", status="DONE")
    change("status in small letters", status="finished")
    change("status 0", status=0)
    change("status 99", status=99)
    change("running again", status="RUNNING")
    change("end as text", status="FINISHED", end_time="3000")
    change("end that is no number", end_time="x")
    change("empty name", run_name="")
    change("null status", status=None, run_name="nulls")
    server.post("runs/update", {"run_uuid": run, "status": "KILLED"}, say="by run_uuid")
    server.post("runs/update", {"status": "KILLED"}, say="no id")
    server.post("runs/update", {"run_id": "nope", "status": "KILLED"}, say="not there")
    server.get("runs/get", {"run_id": run})
    server.get("runs/get", {"run_uuid": run}, say="by run_uuid")
    server.get("runs/get", {"run_id": "nope"})
    server.get("runs/get", {"run_id": "a/../b"}, say="odd id")
    server.get("runs/get", {"run_id": ""}, say="empty id")
    server.get("runs/get", {}, say="no id")
    server.get("runs/get", {"run_id": run, "unknown": "x"}, say="unknown field")
    server.post("runs/set-tag", {"run_id": run, "key": "mlflow.runName", "value": "renamed by tag"})
    server.get("runs/get", {"run_id": run})


def _deleting(server: Speaker) -> None:
    run = server.post("runs/create", {"experiment_id": "0", "start_time": 1000, "run_name": "going"})["run"][
        "info"
    ]["run_id"]
    server.post("runs/log-parameter", {"run_id": run, "key": "p", "value": "1"})
    server.post("runs/delete", {"run_id": run})
    server.get("runs/get", {"run_id": run})
    server.post("runs/delete", {"run_id": run}, say="twice")
    writes: dict[str, dict[str, Any]] = {
        "log-metric": {"key": "m", "value": 1, "timestamp": 1},
        "log-parameter": {"key": "q", "value": "1"},
        "set-tag": {"key": "t", "value": "1"},
        "delete-tag": {"key": "mlflow.runName"},
        "log-batch": {"metrics": [{"key": "m", "value": 1, "timestamp": 1, "step": 0}]},
        "update": {"status": "FINISHED"},
        "log-inputs": {"datasets": []},
        "outputs": {"models": [{"model_id": "m-1", "step": 0}]},
    }
    for call, body in writes.items():
        server.post(f"runs/{call}", {"run_id": run, **body}, say="to a deleted run")
    server.get("metrics/get-history", {"run_id": run, "metric_key": "m"})
    server.get("artifacts/list", {"run_id": run})
    server.post("runs/restore", {"run_id": run})
    server.get("runs/get", {"run_id": run})
    server.post("runs/restore", {"run_id": run}, say="twice")
    for call in ("delete", "restore"):
        server.post(f"runs/{call}", {"run_id": "nope"}, say="not there")
        server.post(f"runs/{call}", {}, say="no id")
    finished = server.post("runs/create", {"experiment_id": "0", "start_time": 1000, "run_name": "over"})[
        "run"
    ]["info"]["run_id"]
    server.post("runs/update", {"run_id": finished, "status": "FINISHED", "end_time": 1200})
    for call, body in writes.items():
        if call != "outputs":
            server.post(f"runs/{call}", {"run_id": finished, **body}, say="to a finished run")
    for call, body in writes.items():
        server.post(f"runs/{call}", {"run_id": "0123", **body}, say="to no run")
        server.post(f"runs/{call}", body, say="no run id")
