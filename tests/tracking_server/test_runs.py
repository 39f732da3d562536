"""The endpoints of runs: their life, and logging to them."""

from __future__ import annotations

import re
import threading
from typing import Any

import pytest


def test_a_new_run_is_what_mlflow_clients_expect(api: Any) -> None:
    run = api.post(
        "runs/create",
        experiment_id="0",
        user_id="ann",
        start_time=1234,
        tags=[{"key": "mlflow.user", "value": "ann"}],
    )["run"]
    info = run["info"]

    assert re.fullmatch(r"[0-9a-f]{32}", info["run_id"])
    assert info["run_uuid"] == info["run_id"]
    assert (info["status"], info["start_time"], info["user_id"]) == ("RUNNING", 1234, "ann")
    assert "end_time" not in info
    assert info["artifact_uri"] == f"mlflow-artifacts:/0/{info['run_id']}/artifacts"
    assert re.fullmatch(r"[a-z]+-[a-z]+-\d+", info["run_name"])
    assert {"key": "mlflow.runName", "value": info["run_name"]} in run["data"]["tags"]
    assert run["inputs"] == {}


def test_creating_a_run_again_under_the_clients_own_id_returns_the_first(api: Any) -> None:
    run_id = "0123456789abcdef" * 2

    first = api.post("runs/create", experiment_id="0", run_id=run_id, run_name="first")["run"]
    api.post("runs/log-parameter", run_id=run_id, key="p", value="1")
    again = api.post("runs/create", experiment_id="0", run_id=run_id, run_name="first")["run"]

    assert again["info"] == first["info"]
    assert again["data"]["params"] == [{"key": "p", "value": "1"}]


def test_a_run_can_be_made_with_its_params(api: Any) -> None:
    run_id, long = "ab" * 16, "x" * 7000
    given = [{"key": "lr", "value": "0.1"}, {"key": "a", "value": long}, {"key": "empty"}]
    made = api.post("runs/create", experiment_id="0", run_id=run_id, params=given)["run"]
    params = [
        {"key": "a", "value": long[:6000]},
        {"key": "empty", "value": ""},
        {"key": "lr", "value": "0.1"},
    ]
    assert made["data"]["params"] == params
    assert api.get("runs/get", run_id=run_id)["run"]["data"]["params"] == params
    found = api.post("runs/search", experiment_ids=["0"], filter="params.lr = '0.1'")["runs"]
    assert [run["info"]["run_id"] for run in found] == [run_id]
    again = api.post("runs/create", experiment_id="0", run_id=run_id, params=[{"key": "lr", "value": "2"}])[
        "run"
    ]
    assert again["data"]["params"] == params
    assert api.refused("POST", "runs/log-parameter", run_id=run_id, key="lr", value="2")[0] == 400


@pytest.mark.parametrize(
    "params",
    [
        [{"key": "a//b", "value": "1"}],
        [{"value": "1"}],
        [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}],
        [{"key": f"p{number}", "value": ""} for number in range(101)],
    ],
)
def test_bad_params_make_no_run(api: Any, params: list[dict[str, str]]) -> None:
    before = api.post("runs/search", experiment_ids=["0"]).get("runs")
    assert api.refused("POST", "runs/create", experiment_id="0", params=params)[0] == 400
    assert api.post("runs/search", experiment_ids=["0"]).get("runs") == before


def test_a_chosen_id_must_be_plain_and_stays_with_its_experiment(api: Any) -> None:
    run_id = "a" * 32
    other = api.experiment()
    api.post("runs/create", experiment_id="0", run_id=run_id)

    assert api.refused("POST", "runs/create", experiment_id=other, run_id=run_id)[0] == 400
    for bad in ("../../etc", "A" * 32, "a" * 31, "a" * 33):
        assert api.refused("POST", "runs/create", experiment_id="0", run_id=bad)[0] == 400


def test_contradicting_names_are_refused(api: Any) -> None:
    status, _, message = api.refused(
        "POST",
        "runs/create",
        experiment_id="0",
        run_name="a",
        tags=[{"key": "mlflow.runName", "value": "b"}],
    )

    assert status == 400
    assert message.startswith("Both 'run_name' argument and 'mlflow.runName' tag are specified")


def test_updating_changes_what_is_given_and_no_more(api: Any) -> None:
    run_id = api.run(start_time=1)

    info = api.post("runs/update", run_id=run_id, status="FINISHED", end_time=99)["run_info"]
    renamed = api.post("runs/update", run_uuid=run_id, run_name="new")["run_info"]

    assert (info["status"], info["end_time"]) == ("FINISHED", 99)
    assert (renamed["status"], renamed["end_time"], renamed["run_name"]) == ("FINISHED", 99, "new")
    assert {"key": "mlflow.runName", "value": "new"} in api.whole_run(run_id)["data"]["tags"]


def test_the_name_tag_renames_the_run(api: Any) -> None:
    run_id = api.run()

    api.post("runs/set-tag", run_id=run_id, key="mlflow.runName", value="by tag")

    assert api.whole_run(run_id)["info"]["run_name"] == "by tag"


def test_an_unknown_status_is_refused(api: Any) -> None:
    assert api.refused("POST", "runs/update", run_id=api.run(), status="DONE")[0] == 400


def test_unknown_and_malformed_runs(api: Any) -> None:
    assert api.refused("GET", "runs/get", run_id="nope") == (
        404,
        "RESOURCE_DOES_NOT_EXIST",
        "Run with id=nope not found",
    )
    assert api.refused("GET", "runs/get", run_id="../x")[0] == 404
    assert api.refused("GET", "runs/get")[2].startswith("Missing value for required parameter 'run_id'")


def test_deleted_runs_take_nothing_until_restored(api: Any) -> None:
    run_id = api.run()
    for _ in range(2):
        api.post("runs/delete", run_id=run_id)

    status, _, message = api.refused("POST", "runs/set-tag", run_id=run_id, key="k", value="v")
    api.post("runs/restore", run_id=run_id)

    assert status == 400
    assert message.startswith(f"The run {run_id} must be in the 'active' state.")
    api.post("runs/set-tag", run_id=run_id, key="k", value="v")


def test_finished_runs_still_take_data(api: Any) -> None:
    run_id = api.run()
    api.post("runs/update", run_id=run_id, status="FINISHED")

    api.post("runs/log-metric", run_id=run_id, key="late", value=1, timestamp=1)

    assert api.whole_run(run_id)["data"]["metrics"][0]["key"] == "late"


def test_params_cannot_change_but_can_be_repeated(api: Any) -> None:
    run_id = api.run()
    for _ in range(2):
        api.post("runs/log-parameter", run_id=run_id, key="p", value="1")

    assert api.refused("POST", "runs/log-parameter", run_id=run_id, key="p", value="2") == (
        400,
        "INVALID_PARAMETER_VALUE",
        f"Changing param values is not allowed. Param with key='p' was already logged with value='1' for run "
        f"ID='{run_id}'. Attempted logging new value '2'.",
    )


def test_of_racing_params_exactly_one_value_wins(api: Any) -> None:
    run_id = api.run()
    statuses: list[int] = []

    def log(value: int) -> None:
        body = {"run_id": run_id, "key": "p", "value": str(value)}
        statuses.append(api.http.post("/api/2.0/mlflow/runs/log-parameter", json=body).status_code)

    threads = [threading.Thread(target=log, args=(value,)) for value in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200] + [400] * 7
    assert len(api.whole_run(run_id)["data"]["params"]) == 1


def test_values_are_kept_exactly(api: Any) -> None:
    run_id = api.run()
    value = "  a'; DROP TABLE runs; -- \"ü\n\t\u2028 "

    api.post("runs/log-parameter", run_id=run_id, key="päram/x.y-z :1", value=value)
    api.post("runs/set-tag", run_id=run_id, key="t", value="")

    data = api.whole_run(run_id)["data"]
    assert data["params"] == [{"key": "päram/x.y-z :1", "value": value}]
    assert {"key": "t", "value": ""} in data["tags"]


def test_long_values_are_cut_as_in_mlflow(api: Any) -> None:
    run_id = api.run()

    api.post("runs/log-parameter", run_id=run_id, key="p", value="x" * 7000)
    api.post("runs/log-parameter", run_id=run_id, key="p", value="x" * 7000)
    api.post("runs/set-tag", run_id=run_id, key="t", value="x" * 9000)

    data = api.whole_run(run_id)["data"]
    assert len(data["params"][0]["value"]) == 6000
    assert {len(tag["value"]) for tag in data["tags"] if tag["key"] == "t"} == {8000}


@pytest.mark.parametrize("key", ["", "x" * 251, "bad!name", "../up", "a//b", "/abs", "a\x00b"])
def test_bad_keys_are_refused(api: Any, key: str) -> None:
    run_id = api.run()

    assert api.refused("POST", "runs/log-metric", run_id=run_id, key=key, value=1, timestamp=1)[0] == 400
    assert api.refused("POST", "runs/log-parameter", run_id=run_id, key=key, value="1")[0] == 400
    assert api.refused("POST", "runs/set-tag", run_id=run_id, key=key, value="1")[0] == 400


def test_tags_are_removed_and_missing_ones_are_not_found(api: Any) -> None:
    run_id = api.run()
    api.post("runs/set-tag", run_id=run_id, key="k", value="v")

    api.post("runs/delete-tag", run_id=run_id, key="k")

    assert all(tag["key"] != "k" for tag in api.whole_run(run_id)["data"]["tags"])
    assert api.refused("POST", "runs/delete-tag", run_id=run_id, key="k")[0] == 404


def test_the_latest_metric_is_the_one_with_the_highest_step(api: Any) -> None:
    run_id = api.run()
    for step, timestamp, value in [(2, 10, 0.2), (3, 5, 0.3), (1, 99, 0.1), (3, 5, 0.25)]:
        api.post("runs/log-metric", run_id=run_id, key="m", value=value, timestamp=timestamp, step=step)

    assert api.whole_run(run_id)["data"]["metrics"] == [{"key": "m", "value": 0.3, "timestamp": 5, "step": 3}]


def test_numbers_that_json_lacks(api: Any) -> None:
    run_id = api.run()
    for step, value in enumerate(["Infinity", "-Infinity", "NaN"]):
        api.post("runs/log-metric", run_id=run_id, key=f"m{step}", value=value, timestamp=1)

    values = [metric["value"] for metric in api.whole_run(run_id)["data"]["metrics"]]
    assert values == [1.7976931348623157e308, -1.7976931348623157e308, "NaN"]


def test_a_batch_is_stored_whole(api: Any) -> None:
    run_id = api.run()

    api.post(
        "runs/log-batch",
        run_id=run_id,
        metrics=[{"key": "m", "value": step / 10, "timestamp": step, "step": step} for step in range(10)],
        params=[{"key": "p", "value": "1"}],
        tags=[{"key": "t", "value": "v"}],
    )

    data = api.whole_run(run_id)["data"]
    assert data["metrics"] == [{"key": "m", "value": 0.9, "timestamp": 9, "step": 9}]
    assert data["params"] == [{"key": "p", "value": "1"}]
    assert {"key": "t", "value": "v"} in data["tags"]


def test_a_batch_that_fails_leaves_nothing(api: Any) -> None:
    run_id = api.run()
    api.post("runs/log-parameter", run_id=run_id, key="p", value="1")
    before = api.whole_run(run_id)

    status, _, _ = api.refused(
        "POST",
        "runs/log-batch",
        run_id=run_id,
        metrics=[{"key": "fresh name", "value": 1, "timestamp": 1}],
        params=[{"key": "a", "value": "1"}, {"key": "p", "value": "other"}],
        tags=[{"key": "t", "value": "v"}],
    )

    assert status == 400
    assert api.whole_run(run_id) == before
    # The name was part of what was taken back: it must not be remembered under an id that is gone.
    api.post("runs/log-metric", run_id=run_id, key="fresh name", value=2, timestamp=1)
    assert api.whole_run(run_id)["data"]["metrics"][0]["key"] == "fresh name"


def test_a_batch_may_be_repeated(api: Any) -> None:
    run_id = api.run()
    batch: dict[str, Any] = {
        "run_id": run_id,
        "metrics": [{"key": "m", "value": "NaN", "timestamp": 1, "step": 1}] * 2,
        "params": [{"key": "p", "value": "1"}],
    }

    for _ in range(3):
        api.post("runs/log-batch", **batch)

    history = api.get("metrics/get-history", run_id=run_id, metric_key="m")["metrics"]
    assert history == [{"key": "m", "value": "NaN", "timestamp": 1, "step": 1}]


@pytest.mark.parametrize(
    "batch",
    [
        {"metrics": [{"key": f"m{n}", "value": 1, "timestamp": 1} for n in range(1001)]},
        {"params": [{"key": f"p{n}", "value": "1"} for n in range(101)]},
        {"tags": [{"key": f"t{n}", "value": "1"} for n in range(101)]},
        {
            "metrics": [{"key": f"m{n}", "value": 1, "timestamp": 1} for n in range(950)],
            "tags": [{"key": f"t{n}", "value": "1"} for n in range(51)],
        },
        {"params": [{"key": "p", "value": "1"}, {"key": "p", "value": "1"}]},
        {"metrics": [{"key": "m", "timestamp": 1}]},
        {"metrics": [{"key": "m", "value": 1}]},
    ],
)
def test_batches_beyond_the_limits_are_refused(api: Any, batch: dict[str, Any]) -> None:
    assert api.refused("POST", "runs/log-batch", run_id=api.run(), **batch)[:2] == (
        400,
        "INVALID_PARAMETER_VALUE",
    )


def test_datasets_are_noted_once(api: Any) -> None:
    run_id = api.run()
    dataset = {"name": "wine", "digest": "300830b9", "source_type": "http", "source": "{}", "profile": "{}"}
    use = {"dataset": dataset, "tags": [{"key": "mlflow.data.context", "value": "training"}]}

    for _ in range(2):
        api.post("runs/log-inputs", run_id=run_id, datasets=[use])

    assert api.whole_run(run_id)["inputs"] == {"dataset_inputs": [use]}
    assert api.search("dataset.name = 'wine' and dataset.context = 'training'") == [run_id]
    assert api.search("dataset.digest IN ('x', '300830b9')") == [run_id]
    assert api.search("NOT datasets.name LIKE 'wi%'") == []


def test_the_first_word_on_what_a_dataset_was_read_for_is_the_last(api: Any) -> None:
    run_id = api.run()
    dataset = {"name": "wine", "digest": "300830b9", "source_type": "http", "source": "{}"}

    for context in ("training", "evaluation"):
        use = {"dataset": dataset, "tags": [{"key": "mlflow.data.context", "value": context}]}
        api.post("runs/log-inputs", run_id=run_id, datasets=[use])

    (found,) = api.whole_run(run_id)["inputs"]["dataset_inputs"]
    assert found["tags"] == [{"key": "mlflow.data.context", "value": "training"}]


@pytest.mark.parametrize("key", ["git@commit(1)", "a//b", "../x", "k" * 250])
def test_a_run_may_be_made_with_tags_of_any_characters_and_length(api: Any, key: str) -> None:
    run_id = api.run(tags=[{"key": key, "value": "v" * 9000}])

    assert {tag["key"]: tag["value"] for tag in api.whole_run(run_id)["data"]["tags"]}[key] == "v" * 9000


def test_datasets_are_checked(api: Any) -> None:
    run_id = api.run()
    fine = {"name": "n", "digest": "d", "source_type": "s", "source": "s"}

    assert api.refused("POST", "runs/log-inputs", run_id=run_id, datasets=[{}])[0] == 400
    for field, length in (("name", 501), ("digest", 37), ("source", 65_536)):
        broken = {"dataset": {**fine, field: "x" * length}}
        assert api.refused("POST", "runs/log-inputs", run_id=run_id, datasets=[broken])[0] == 400


def test_anything_may_stand_where_a_parent_is_named(api: Any) -> None:
    tag = {"key": "mlflow.parentRunId", "value": "p" * 400}
    created = api.run(tags=[tag])
    later = api.run()
    api.post("runs/set-tag", run_id=later, **tag)

    found = api.post("runs/search", experiment_ids=["0"], filter=f"tags.`mlflow.parentRunId` = '{'p' * 400}'")
    roots = api.post("runs/search", experiment_ids=["0"], filter="tags.`mlflow.parentRunId` IS NULL")

    assert {run["info"]["run_id"] for run in found["runs"]} == {created, later}
    assert roots.get("runs", []) == []
