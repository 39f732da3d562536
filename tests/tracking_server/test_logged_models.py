"""The endpoints of logged models."""

from __future__ import annotations

import re
from typing import Any


def create(api: Any, **body: Any) -> Any:
    return api.post("logged-models", **{"experiment_id": "0", **body})["model"]


def patch(api: Any, path: str, **body: Any) -> Any:
    reply = api.http.patch(f"/api/2.0/mlflow/logged-models/{path}", json=body)
    assert reply.status_code == 200, reply.text
    return reply.json()


def found(api: Any, filter: str = "", **body: Any) -> list[str]:
    reply = api.post("logged-models/search", **{"experiment_ids": ["0"], "filter": filter, **body})
    return [model["info"]["name"] for model in reply.get("models", [])]


def test_a_model_is_made_filled_and_finished(api: Any) -> None:
    run_id = api.run()
    model = create(
        api,
        name="model",
        source_run_id=run_id,
        params=[{"key": "alpha", "value": "1.0"}],
        tags=[{"key": "k", "value": "v"}],
    )
    model_id = model["info"]["model_id"]

    finished = patch(api, model_id, status="LOGGED_MODEL_READY")["model"]

    assert re.fullmatch(r"m-[0-9a-f]{32}", model_id)
    assert model["info"]["status"] == "LOGGED_MODEL_PENDING"
    assert model["info"]["artifact_uri"] == f"mlflow-artifacts:/0/models/{model_id}/artifacts"
    assert model["data"] == {"params": [{"key": "alpha", "value": "1.0"}]}
    assert finished["info"]["status"] == "LOGGED_MODEL_READY"
    assert api.get(f"logged-models/{model_id}")["model"] == finished


def test_outputs_and_inputs_tie_models_to_runs(api: Any) -> None:
    run_id = api.run()
    model_id = create(api)["info"]["model_id"]

    for _ in range(2):
        api.post("runs/outputs", run_id=run_id, models=[{"model_id": model_id, "step": 3}])
        api.post("runs/log-inputs", run_id=run_id, models=[{"model_id": model_id}])

    run = api.whole_run(run_id)
    assert run["outputs"] == {"model_outputs": [{"model_id": model_id, "step": 3}]}
    assert run["inputs"] == {"model_inputs": [{"model_id": model_id}]}


def test_metrics_logged_for_a_model_are_the_models(api: Any) -> None:
    run_id = api.run()
    model_id = create(api)["info"]["model_id"]
    for step, value in ((1, 0.5), (2, 0.4)):
        api.post(
            "runs/log-metric",
            run_id=run_id,
            key="loss",
            value=value,
            timestamp=1,
            step=step,
            model_id=model_id,
            dataset_name="wine",
            dataset_digest="d",
        )

    assert api.get(f"logged-models/{model_id}")["model"]["data"]["metrics"] == [
        {
            "key": "loss",
            "value": 0.4,
            "timestamp": 1,
            "step": 2,
            "model_id": model_id,
            "dataset_name": "wine",
            "dataset_digest": "d",
            "run_id": run_id,
        }
    ]


def test_tags_and_params(api: Any) -> None:
    model_id = create(api)["info"]["model_id"]
    patch(api, f"{model_id}/tags", tags=[{"key": "a/b", "value": "1"}, {"key": "c", "value": "2"}])
    api.post(f"logged-models/{model_id}/params", params=[{"key": "p", "value": "3"}])

    assert api.http.delete(f"/api/2.0/mlflow/logged-models/{model_id}/tags/a/b").json() == {}

    model = api.get(f"logged-models/{model_id}")["model"]
    assert model["info"]["tags"] == [{"key": "c", "value": "2"}]
    assert model["data"]["params"] == [{"key": "p", "value": "3"}]
    assert api.http.delete(f"/api/2.0/mlflow/logged-models/{model_id}/tags/a/b").status_code == 404


def test_deleted_models_are_gone_unless_asked_for(api: Any) -> None:
    model_id = create(api, name="gone")["info"]["model_id"]

    assert api.http.delete(f"/api/2.0/mlflow/logged-models/{model_id}").json() == {}

    assert api.refused("GET", f"logged-models/{model_id}") == (
        404,
        "RESOURCE_DOES_NOT_EXIST",
        f"Logged model with ID '{model_id}' not found.",
    )
    assert api.get(f"logged-models/{model_id}", allow_deleted="true")["model"]["info"]["name"] == "gone"
    assert found(api) == []


def test_search(api: Any) -> None:
    run_id = api.run()
    for name, loss in (("one", 0.1), ("two", 0.2), ("three", 0.3)):
        model_id = create(api, name=name, params=[{"key": "p", "value": name}])["info"]["model_id"]
        api.post("runs/log-metric", run_id=run_id, key="loss", value=loss, timestamp=1, model_id=model_id)

    assert found(api, "name = 'two'") == ["two"]
    assert found(api, "metrics.loss > 0.15 AND params.p != 'three'") == ["two"]
    assert found(api, "status = 'LOGGED_MODEL_PENDING' AND name LIKE 't%'") == ["three", "two"]
    order = [{"field_name": "metrics.loss", "ascending": True}]
    assert found(api, order_by=order) == ["one", "two", "three"]
    page = api.post("logged-models/search", experiment_ids=["0"], order_by=order, max_results=2)
    token = page["next_page_token"]
    assert found(api, order_by=order, max_results=2, page_token=token) == ["three"]
    assert found(api, "metrics.loss > 0", datasets=[{"dataset_name": "wine"}]) == []


def test_bad_names_and_states_are_refused(api: Any) -> None:
    for name in ("a/b", "a:b", "a.b", "a%b", 'a"b', "a'b"):
        assert api.refused("POST", "logged-models", experiment_id="0", name=name)[0] == 400
    model_id = create(api)["info"]["model_id"]
    assert api.refused("PATCH", f"logged-models/{model_id}", status="DONE")[0] == 400


def test_a_models_files_are_listed_and_downloaded(api: Any) -> None:
    model_id = create(api)["info"]["model_id"]
    api.http.put(
        f"/api/2.0/mlflow-artifacts/artifacts/0/models/{model_id}/artifacts/MLmodel", content=b"flavors: {}"
    )

    listed = api.get(f"logged-models/{model_id}/artifacts/directories")
    url = f"/ajax-api/2.0/mlflow/logged-models/{model_id}/artifacts/files"

    assert listed["files"] == [{"path": "MLmodel", "is_dir": False, "file_size": 11}]
    assert api.http.get(url, params={"artifact_file_path": "MLmodel"}).content == b"flavors: {}"
    assert api.http.get(url, params={"artifact_file_path": "../MLmodel"}).status_code == 400
