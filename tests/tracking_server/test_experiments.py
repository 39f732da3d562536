"""The endpoints of experiments."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest


def test_a_new_store_has_the_default_experiment(api: Any) -> None:
    experiment = api.get("experiments/get", experiment_id="0")["experiment"]

    assert (experiment["name"], experiment["lifecycle_stage"]) == ("Default", "active")
    assert experiment["artifact_location"] == "mlflow-artifacts:/0"


def test_created_experiments_are_found_by_id_and_by_name(api: Any) -> None:
    experiment_id = api.experiment("näme with spaces", tags=[{"key": "team", "value": "ä"}])

    by_id = api.get("experiments/get", experiment_id=experiment_id)["experiment"]
    by_name = api.get("experiments/get-by-name", experiment_name="näme with spaces")["experiment"]

    assert by_id == by_name
    assert by_id["tags"] == [{"key": "team", "value": "ä"}]
    assert by_id["artifact_location"] == f"mlflow-artifacts:/{experiment_id}"
    assert isinstance(by_id["creation_time"], int)


def test_a_taken_name_is_refused_without_leaking_sql(api: Any) -> None:
    api.experiment("taken")

    assert api.refused("POST", "experiments/create", name="taken") == (
        400,
        "RESOURCE_ALREADY_EXISTS",
        "Experiment(name=taken) already exists.",
    )


def test_a_relative_artifact_location_is_one_of_where_the_server_was_started(api: Any) -> None:
    experiment_id = api.experiment(artifact_location="relative/x")

    found = api.get("experiments/get", experiment_id=experiment_id)["experiment"]["artifact_location"]
    assert found == str(Path.cwd() / "relative/x")


def test_creating_one_name_at_once_makes_one_experiment(api: Any) -> None:
    results: list[int] = []
    found: list[str] = []

    def create() -> None:  # as clients do: who loses asks for what the winner made
        reply = api.http.post("/api/2.0/mlflow/experiments/create", json={"name": "race"})
        results.append(reply.status_code)
        by_name = api.get("experiments/get-by-name", experiment_name="race")
        found.append(by_name["experiment"]["experiment_id"])
        if reply.status_code == 200:
            assert reply.json()["experiment_id"] == found[-1]

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(results) == [200] + [400] * 7
    assert len(set(found)) == 1


@pytest.mark.parametrize(
    ("path", "query", "message"),
    [
        ("experiments/get-by-name", {"experiment_name": "x"}, "Could not find experiment with name 'x'"),
        ("experiments/get", {"experiment_id": "77"}, "No Experiment with id=77 exists"),
    ],
)
def test_unknown_experiments_are_not_found(api: Any, path: str, query: dict[str, str], message: str) -> None:
    assert api.refused("GET", path, **query) == (404, "RESOURCE_DOES_NOT_EXIST", message)


@pytest.mark.parametrize("experiment_id", ["x", "-1", "1; DROP TABLE runs", "9" * 40, "٣"])
def test_ids_that_are_no_numbers_are_refused(api: Any, experiment_id: str) -> None:
    status, code, _ = api.refused("GET", "experiments/get", experiment_id=experiment_id)

    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    ("name", "word"), [("", "Missing value for required parameter 'name'"), ("x" * 501, "500")]
)
def test_names_must_be_there_and_not_too_long(api: Any, name: str, word: str) -> None:
    status, _, message = api.refused("POST", "experiments/create", name=name)

    assert status == 400
    assert word in message


def test_deleting_and_restoring_takes_the_runs_along_and_may_be_repeated(api: Any) -> None:
    experiment_id = api.experiment()
    run_id = api.run(experiment_id)

    for _ in range(2):
        assert api.post("experiments/delete", experiment_id=experiment_id) == {}
    assert api.whole_run(run_id)["info"]["lifecycle_stage"] == "deleted"
    assert api.refused("POST", "runs/create", experiment_id=experiment_id)[0] == 400

    for _ in range(2):
        assert api.post("experiments/restore", experiment_id=experiment_id) == {}
    assert api.whole_run(run_id)["info"]["lifecycle_stage"] == "active"


def test_renaming(api: Any) -> None:
    experiment_id = api.experiment("before")
    api.experiment("other")

    api.post("experiments/update", experiment_id=experiment_id, new_name="after")

    assert (
        api.get("experiments/get-by-name", experiment_name="after")["experiment"]["experiment_id"]
        == experiment_id
    )
    assert api.refused("POST", "experiments/update", experiment_id=experiment_id, new_name="other")[1] == (
        "RESOURCE_ALREADY_EXISTS"
    )
    api.post("experiments/delete", experiment_id=experiment_id)
    assert api.refused("POST", "experiments/update", experiment_id=experiment_id, new_name="x")[:2] == (
        500,
        "INVALID_STATE",
    )


def test_tags_are_set_overwritten_and_removed(api: Any) -> None:
    experiment_id = api.experiment()

    for value in ("one", "two"):
        api.post("experiments/set-experiment-tag", experiment_id=experiment_id, key="k", value=value)
    tags = api.get("experiments/get", experiment_id=experiment_id)["experiment"]["tags"]
    api.post("experiments/delete-experiment-tag", experiment_id=experiment_id, key="k")

    assert tags == [{"key": "k", "value": "two"}]
    assert "tags" not in api.get("experiments/get", experiment_id=experiment_id)["experiment"]
    assert (
        api.refused("POST", "experiments/delete-experiment-tag", experiment_id=experiment_id, key="k")[0]
        == 404
    )


def test_search_needs_a_page_size_as_in_mlflow(api: Any) -> None:
    status, _, message = api.refused("POST", "experiments/search")

    assert status == 400
    assert message.startswith("Invalid value 0 for parameter 'max_results'")


def test_search_filters_orders_and_pages(api: Any) -> None:
    for number in range(5):
        api.experiment(f"exp-{number}", tags=[{"key": "parity", "value": str(number % 2)}])
    seen: list[str] = []
    token = ""
    while True:
        page = api.post(
            "experiments/search",
            max_results=2,
            filter="name LIKE 'exp-%' AND tags.parity = '0'",
            order_by=["name DESC"],
            page_token=token,
        )
        seen += [experiment["name"] for experiment in page["experiments"]]
        token = page.get("next_page_token", "")
        if not token:
            break

    assert seen == ["exp-4", "exp-2", "exp-0"]


def test_search_shows_deleted_ones_only_when_asked(api: Any) -> None:
    gone = api.experiment("gone")
    api.post("experiments/delete", experiment_id=gone)

    def names(view: str) -> set[str]:
        found = api.get("experiments/search", max_results=10, view_type=view)
        return {experiment["name"] for experiment in found["experiments"]}

    assert names("ACTIVE_ONLY") == {"Default"}
    assert names("DELETED_ONLY") == {"gone"}
    assert names("ALL") == {"Default", "gone"}
