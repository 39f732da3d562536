"""The endpoints of model versions."""

from __future__ import annotations

from typing import Any

import pytest

VERSIONS = "model-versions"


def model(api: Any, name: str = "m") -> None:
    api.post("registered-models/create", name=name)


def create(api: Any, **body: Any) -> Any:
    body = {"name": "m", "source": "s3://bucket/model", **body}
    return api.post(f"{VERSIONS}/create", **body)["model_version"]


def get(api: Any, version: Any, name: str = "m") -> Any:
    return api.get(f"{VERSIONS}/get", name=name, version=version)["model_version"]


def download_uri(api: Any, version: Any, name: str = "m") -> str:
    return str(api.get(f"{VERSIONS}/get-download-uri", name=name, version=version)["artifact_uri"])


def stages(api: Any, count: int) -> list[str]:
    return [get(api, number)["current_stage"] for number in range(1, count + 1)]


def send(api: Any, method: str, path: str, **body: Any) -> Any:
    reply = api.http.request(method, f"/api/2.0/mlflow/{path}", json=body)
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_a_version_is_made_described_and_read(api: Any) -> None:
    model(api)
    before = api.get("registered-models/get", name="m")["registered_model"]

    made = create(api, tags=[{"key": "k", "value": "v"}], run_link="https://ci.example/1")

    assert made == {
        "name": "m",
        "version": "1",
        "creation_timestamp": made["creation_timestamp"],
        "last_updated_timestamp": made["creation_timestamp"],
        "current_stage": "None",
        "description": "",
        "source": "s3://bucket/model",
        "run_id": "",
        "status": "READY",
        "tags": [{"key": "k", "value": "v"}],
        "run_link": "https://ci.example/1",
    }
    assert get(api, 1) == made
    after = api.get("registered-models/get", name="m")["registered_model"]
    assert after["last_updated_timestamp"] == made["creation_timestamp"] >= before["last_updated_timestamp"]

    changed = send(api, "PATCH", f"{VERSIONS}/update", name="m", version="1", description="good")
    assert changed["model_version"]["description"] == "good"
    changed = send(api, "PATCH", f"{VERSIONS}/update", name="m", version="1")
    assert "description" not in changed["model_version"]


def test_numbers_are_never_given_out_again(api: Any) -> None:
    model(api)
    assert [create(api)["version"] for _ in range(3)] == ["1", "2", "3"]

    for number in (2, 3):
        assert send(api, "DELETE", f"{VERSIONS}/delete", name="m", version=number) == {}

    assert create(api)["version"] == "4"
    assert api.refused("GET", f"{VERSIONS}/get", name="m", version="3") == (
        404,
        "RESOURCE_DOES_NOT_EXIST",
        "Model Version (name=m, version=3) not found",
    )
    found = api.get(f"{VERSIONS}/search", filter="name = 'm'")["model_versions"]
    assert sorted(each["version"] for each in found) == ["1", "4"]


def test_deleting_a_version_takes_its_aliases_and_tags_along(api: Any) -> None:
    model(api)
    create(api, tags=[{"key": "k", "value": "v"}]), create(api)
    api.post("registered-models/alias", name="m", alias="gone", version="1")
    api.post("registered-models/alias", name="m", alias="kept", version="2")

    send(api, "DELETE", f"{VERSIONS}/delete", name="m", version="1")

    shown = api.get("registered-models/get", name="m")["registered_model"]
    assert shown["aliases"] == [{"alias": "kept", "version": "2"}]
    assert api.refused("DELETE", f"{VERSIONS}/delete", name="m", version="1")[0] == 404


@pytest.mark.parametrize("version", ["x", "1.5", "", "9" * 5000])
def test_versions_that_are_no_numbers_are_refused(api: Any, version: str) -> None:
    model(api)
    create(api)
    expected = (
        f"Parameter 'version' must be an integer, got '{version[:100]}'." if version else "Missing value"
    )

    for path in ("get", "get-download-uri"):
        status, code, message = api.refused("GET", f"{VERSIONS}/{path}", name="m", version=version)
        assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
        assert expected in message


@pytest.mark.parametrize("version", ["0", "-1", "2", str(2**31), str(2**70)])
def test_versions_that_are_not_there_are_missed(api: Any, version: str) -> None:
    model(api)
    create(api)

    status, code, message = api.refused("GET", f"{VERSIONS}/get", name="m", version=version)

    assert (status, code) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert message == f"Model Version (name=m, version={version}) not found"


def test_tags_of_versions_are_set_overwritten_and_removed(api: Any) -> None:
    model(api)
    made = create(api)
    for value in ("1", "2"):
        assert api.post(f"{VERSIONS}/set-tag", name="m", version="1", key="k", value=value) == {}

    assert get(api, 1)["tags"] == [{"key": "k", "value": "2"}]
    assert get(api, 1)["last_updated_timestamp"] == made["last_updated_timestamp"]

    for _ in range(2):
        assert send(api, "DELETE", f"{VERSIONS}/delete-tag", name="m", version="1", key="k") == {}
    assert "tags" not in get(api, 1)
    assert api.refused("POST", f"{VERSIONS}/set-tag", name="m", version="2", key="k", value="v")[0] == 404
    too_long = api.refused(
        "POST", f"{VERSIONS}/set-tag", name="m", version="1", key="mlflow.prompt.text", value="x" * 100_001
    )
    assert too_long[2] == "Prompt text exceeds max length of 100000 characters."


def test_stages_are_known_in_any_spelling_and_archive_the_others(api: Any) -> None:
    model(api)
    for _ in range(3):
        create(api)

    def move(version: str, stage: str, **body: Any) -> Any:
        path = f"{VERSIONS}/transition-stage"
        return api.post(path, name="m", version=version, stage=stage, **body)["model_version"]

    move("1", "production")
    move("2", "PRODUCTION")
    assert stages(api, 3) == ["Production", "Production", "None"]

    moved = move("3", "Production", archive_existing_versions=True)
    assert stages(api, 3) == ["Archived", "Archived", "Production"]
    assert get(api, 1)["last_updated_timestamp"] == moved["last_updated_timestamp"]
    shown = api.get("registered-models/get", name="m")["registered_model"]
    assert shown["last_updated_timestamp"] == moved["last_updated_timestamp"]

    refused = api.refused("POST", f"{VERSIONS}/transition-stage", name="m", version="3", stage="gone")
    assert refused == (
        400,
        "INVALID_PARAMETER_VALUE",
        "Invalid Model Version stage: gone. Value must be one of None, Staging, Production, Archived.",
    )
    body = {"name": "m", "version": "3", "stage": "None", "archive_existing_versions": True}
    status, _, message = api.refused("POST", f"{VERSIONS}/transition-stage", **body)
    assert status == 400
    assert "because 'None' is not an Active stage. Valid stages are ['Staging', 'Production']" in message
    assert stages(api, 3) == ["Archived", "Archived", "Production"]


def test_a_logged_model_is_found_by_its_id(api: Any) -> None:
    model(api)
    run_id = api.run()
    logged = api.post("logged-models", experiment_id="0", name="l", source_run_id=run_id)["model"]["info"]

    made = create(api, source=f"models:/{logged['model_id']}", model_id=logged["model_id"])

    assert made["source"] == f"models:/{logged['model_id']}"
    assert made["run_id"] == run_id
    assert download_uri(api, 1) == logged["artifact_uri"]
    found = api.get(f"{VERSIONS}/search", filter=f"model_id = '{logged['model_id']}'")["model_versions"]
    assert [each["version"] for each in found] == ["1"]
    inside = create(api, source=logged["artifact_uri"] + "/deep", model_id=logged["model_id"])
    assert (inside["run_id"], download_uri(api, 2)) == (run_id, logged["artifact_uri"] + "/deep")


def test_a_runs_artifacts_can_be_registered(api: Any) -> None:
    model(api)
    run_id = api.run()
    root = api.whole_run(run_id)["info"]["artifact_uri"]

    made = create(api, source=f"{root}/model", run_id=run_id)
    assert (made["run_id"], download_uri(api, 1)) == (run_id, f"{root}/model")

    made = create(api, source=f"runs:/{run_id}/a/b", run_id=run_id)
    assert (made["source"], download_uri(api, 2)) == (f"runs:/{run_id}/a/b", f"{root}/a/b")


def test_versions_can_be_copied_by_number_stage_alias_and_latest(api: Any) -> None:
    model(api)
    model(api, "copy")
    create(api, source="s3://bucket/1", run_id="elsewhere")
    create(api, source="s3://bucket/2")
    api.post("registered-models/alias", name="m", alias="champion", version="1")
    api.post(f"{VERSIONS}/transition-stage", name="m", version="1", stage="Production")

    for number, which in enumerate(("/1", "@champion", "/production", "/latest"), 1):
        made = create(api, name="copy", source=f"models:/m{which}")
        original = "2" if which == "/latest" else "1"
        assert made["source"] == f"models:/m/{original}"
        assert made["run_id"] == ("elsewhere" if original == "1" else "")
        assert download_uri(api, number, "copy") == f"s3://bucket/{original}"

    mismatch = api.refused("POST", f"{VERSIONS}/create", name="copy", source="models:/m/1", run_id="another")
    assert mismatch[:2] == (400, "INVALID_PARAMETER_VALUE")
    assert "must match the referenced model version" in mismatch[2]
    assert api.refused("POST", f"{VERSIONS}/create", name="copy", source="models:/m/9")[0] == 404
    assert api.refused("POST", f"{VERSIONS}/create", name="copy", source="models:/m/Staging")[0] == 404


def test_prompts_are_kept_as_the_client_keeps_them(api: Any) -> None:
    tags = [{"key": "mlflow.prompt.is_prompt", "value": "true"}, {"key": "mlflow.prompt.text", "value": "Hi"}]
    api.post("registered-models/create", name="p", tags=tags[:1])
    model(api)

    made = create(api, name="p", source="dummy-source", tags=tags)

    assert (made["version"], made["source"]) == ("1", "dummy-source")
    refused = api.refused("POST", f"{VERSIONS}/create", name="m", source="models:/p/1")
    assert "Prompt versions cannot be used as model version sources." in refused[2]


def test_the_files_of_a_version_are_served(api: Any) -> None:
    model(api)
    run_id = api.run()
    api.http.put(
        f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/model/MLmodel", content=b"flavors: {}"
    )
    create(api, source=f"mlflow-artifacts:/0/{run_id}/artifacts/model", run_id=run_id)

    reply = api.http.get(
        "/model-versions/get-artifact", params={"name": "m", "version": "1", "path": "MLmodel"}
    )

    assert (reply.status_code, reply.content) == (200, b"flavors: {}")
    assert reply.headers["content-disposition"].startswith("attachment")
    assert reply.headers["x-content-type-options"] == "nosniff"
    for query in ({"name": "m", "version": "1"}, {"name": "m", "path": "x"}, {"version": "1", "path": "x"}):
        assert api.http.get("/model-versions/get-artifact", params=query).status_code == 400
    query = {"name": "m", "version": "2", "path": "MLmodel"}
    assert api.http.get("/model-versions/get-artifact", params=query).status_code == 404


@pytest.mark.parametrize("spelt", ["runs:/{run_id}/model", "mlflow-artifacts:/0/{run_id}/artifacts/model"])
def test_a_version_may_be_made_of_a_run_that_was_deleted_but_can_be_restored(api: Any, spelt: str) -> None:
    model(api)
    run_id = api.run()
    api.post("runs/delete", run_id=run_id)

    assert create(api, source=spelt.format(run_id=run_id), run_id=run_id)["run_id"] == run_id
