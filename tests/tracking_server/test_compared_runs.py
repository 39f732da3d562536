"""What is read of nested runs to compare them, on every database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from tracking_server.store import compared_runs
from tracking_server.store.compared_runs import Last


def nested(api: Any, count: int) -> str:
    """A run with so many nested ones; of each the parameter x, two metrics and a tag."""
    parent = str(api.run(run_name="parent"))
    for number in range(count):
        tags = [{"key": "mlflow.parentRunId", "value": parent}, {"key": "t", "value": str(number)}]
        run_id = api.run(start_time=1000 + number, tags=tags)
        metrics = [{"key": "m", "value": number * step, "timestamp": step, "step": step} for step in range(6)]
        last = {"key": "n", "value": "NaN" if number == 1 else number, "timestamp": 9, "step": 0}
        params = [{"key": "x", "value": str(number)}, *({"key": f"p{n:03}", "value": "1"} for n in range(40))]
        api.post("runs/log-batch", run_id=run_id, metrics=[*metrics, last], params=params)
        if number % 2:
            api.post("runs/update", run_id=run_id, status="FINISHED", end_time=5000 + number)
    return parent


def test_the_latest_are_read_with_what_each_was_given_and_came_to(api: Any) -> None:
    parent = nested(api, 5)
    deleted = api.search("params.x = '4'")[0]
    api.post("runs/delete", run_id=deleted)

    def look(connection: Connection) -> None:
        rows = compared_runs.latest(connection, parent, 3)
        ids = [row.id for row in rows]
        assert [row.start_ms for row in rows] == [1001, 1002, 1003]
        assert compared_runs.counts(connection, parent, 10) == compared_runs.Counts(4, 2, 1003, 5003)
        assert compared_runs.counts(connection, parent, 2) == compared_runs.Counts(2, 1, 1003, 5003)
        assert compared_runs.counts(connection, "nobody", 2) == compared_runs.Counts(0, 0, None, None)
        assert compared_runs.metric_names(connection, ids) == {"m": 3, "n": 3}
        assert compared_runs.last_values(connection, ids, "m")[ids[1]] == Last(10.0, 5, 5)
        assert compared_runs.last_values(connection, ids, "n")[ids[0]] == Last(None, 0, 9)
        assert compared_runs.last_values(connection, ids, "nothing") == {}
        assert compared_runs.extremes(connection, ids, "m")[ids[2]] == (0.0, 15.0)
        assert compared_runs.tags(connection, ids, ["t", "u"]) == {
            ids[n]: {"t": str(n + 1)} for n in range(3)
        }
        assert compared_runs.parameters(connection, ids[:1], ["x"]) == {ids[0]: {"x": "1"}}
        assert compared_runs.parameters(connection, ids, []) == {}

    api.application.database.read_now(look)


def test_of_many_parameters_a_sample_is_read_that_is_no_larger_than_was_asked_for(api: Any) -> None:
    parent = nested(api, 6)

    def look(connection: Connection) -> None:
        ids = [row.id for row in compared_runs.latest(connection, parent, 10)]
        sample = compared_runs.parameter_sample(connection, ids, 100)
        assert 2 <= len(sample) <= 6
        assert sum(map(len, sample)) <= 120

    api.application.database.read_now(look)
