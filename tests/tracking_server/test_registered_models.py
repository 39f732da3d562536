"""The endpoints of registered models and their aliases."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

MODELS = "registered-models"


def create(api: Any, name: str = "m", **body: Any) -> Any:
    return api.post(f"{MODELS}/create", name=name, **body)["registered_model"]


def get(api: Any, name: str = "m") -> Any:
    return api.get(f"{MODELS}/get", name=name)["registered_model"]


def version(api: Any, name: str = "m", **body: Any) -> str:
    body = {"name": name, "source": "s3://bucket/model", **body}
    return str(api.post("model-versions/create", **body)["model_version"]["version"])


def move(api: Any, number: str, stage: str, **body: Any) -> Any:
    body = {"name": "m", "version": number, "stage": stage, **body}
    return api.post("model-versions/transition-stage", **body)["model_version"]


def send(api: Any, method: str, path: str, **body: Any) -> Any:
    reply = api.http.request(method, f"/api/2.0/mlflow/{path}", json=body)
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_a_model_is_made_described_and_read(api: Any) -> None:
    made = create(api, "m", tags=[{"key": "team", "value": "a"}, {"key": "n"}], description="first")

    assert made == get(api)
    assert made["name"] == "m"
    assert made["creation_timestamp"] == made["last_updated_timestamp"]
    assert made["description"] == "first"
    assert made["tags"] == [{"key": "n", "value": ""}, {"key": "team", "value": "a"}]
    assert set(create(api, "bare")) == {"name", "creation_timestamp", "last_updated_timestamp"}

    changed = send(api, "PATCH", f"{MODELS}/update", name="m", description="second")["registered_model"]
    assert changed["description"] == "second"
    assert changed["last_updated_timestamp"] >= made["last_updated_timestamp"]
    assert "description" not in send(api, "PATCH", f"{MODELS}/update", name="m")["registered_model"]


def test_every_call_is_served_under_both_prefixes(api: Any) -> None:
    create(api)

    reply = api.http.get("/ajax-api/2.0/mlflow/registered-models/get", params={"name": "m"})

    assert reply.json()["registered_model"]["name"] == "m"


def test_a_name_can_be_given_once(api: Any) -> None:
    create(api)

    assert api.refused("POST", f"{MODELS}/create", name="m") == (
        400,
        "RESOURCE_ALREADY_EXISTS",
        "Registered Model (name=m) already exists.",
    )


def test_models_and_prompts_share_their_names(api: Any) -> None:
    prompt = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
    create(api, "model")
    create(api, "prompt", tags=prompt)

    assert (
        "taken by a registered model" in api.refused("POST", f"{MODELS}/create", name="model", tags=prompt)[2]
    )
    assert "taken by a prompt" in api.refused("POST", f"{MODELS}/create", name="prompt")[2]
    assert (
        api.refused("POST", f"{MODELS}/create", name="prompt", tags=prompt)[2]
        == "Prompt (name=prompt) already exists."
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "Missing value for required parameter 'name'."),
        ("  ", "Missing value for required parameter 'name'."),
        ("a/b", "Invalid model name 'a/b'. Names cannot contain '/' or ':'."),
        ("a:b", "Invalid model name 'a:b'. Names cannot contain '/' or ':'."),
        ("..", "This name would resolve to '..'"),
        (".", "must not resolve to other names"),
        ("x" * 257, "'name' exceeds the maximum length of 256 characters"),
    ],
)
def test_names_that_cannot_be_are_refused_everywhere(api: Any, name: str, message: str) -> None:
    for method, path in (("POST", "create"), ("GET", "get"), ("PATCH", "update"), ("DELETE", "delete")):
        status, code, said = api.refused(method, f"{MODELS}/{path}", name=name)
        assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
        assert message in said


def test_missing_models_are_missed_in_mlflows_words(api: Any) -> None:
    expected = (404, "RESOURCE_DOES_NOT_EXIST", "Registered Model with name=m not found")

    assert api.refused("GET", f"{MODELS}/get", name="m") == expected
    assert api.refused("PATCH", f"{MODELS}/update", name="m", description="x") == expected
    assert api.refused("POST", f"{MODELS}/rename", name="m", new_name="n") == expected
    assert api.refused("DELETE", f"{MODELS}/delete", name="m") == expected
    assert api.refused("POST", f"{MODELS}/get-latest-versions", name="m") == expected
    assert api.refused("POST", f"{MODELS}/set-tag", name="m", key="k", value="v") == expected
    assert api.refused("DELETE", f"{MODELS}/delete-tag", name="m", key="k") == expected
    assert api.refused("POST", f"{MODELS}/alias", name="m", alias="a", version="1") == expected
    assert api.refused("DELETE", f"{MODELS}/alias", name="m", alias="a") == expected
    assert api.refused("GET", f"{MODELS}/alias", name="m", alias="a") == expected
    assert api.refused("POST", "model-versions/create", name="m", source="s3://b/x") == expected


def test_renaming_takes_everything_along(api: Any) -> None:
    create(api, tags=[{"key": "k", "value": "v"}])
    create(api, "other")
    number = version(api)
    api.post(f"{MODELS}/alias", name="m", alias="champion", version=number)
    before = api.get("model-versions/get", name="m", version=number)["model_version"]

    renamed = api.post(f"{MODELS}/rename", name="m", new_name="n")["registered_model"]

    assert renamed == get(api, "n")
    assert renamed["tags"] == [{"key": "k", "value": "v"}]
    assert renamed["aliases"] == [{"alias": "champion", "version": "1"}]
    [moved] = renamed["latest_versions"]
    assert (moved["name"], moved["source"]) == ("n", "s3://bucket/model")
    assert moved["last_updated_timestamp"] == renamed["last_updated_timestamp"]
    assert moved["last_updated_timestamp"] >= before["last_updated_timestamp"]
    assert api.refused("GET", f"{MODELS}/get", name="m")[0] == 404
    taken = api.refused("POST", f"{MODELS}/rename", name="n", new_name="other")
    assert taken == (400, "RESOURCE_ALREADY_EXISTS", "Registered Model (name=other) already exists.")
    assert "new_name" in api.refused("POST", f"{MODELS}/rename", name="n")[2]
    assert api.post(f"{MODELS}/rename", name="n", new_name="n")["registered_model"]["name"] == "n"


def test_deleting_leaves_nothing_behind(api: Any) -> None:
    create(api, tags=[{"key": "k", "value": "v"}])
    number = version(api, tags=[{"key": "k", "value": "v"}])
    api.post(f"{MODELS}/alias", name="m", alias="champion", version=number)

    assert send(api, "DELETE", f"{MODELS}/delete", name="m") == {}

    assert api.refused("GET", f"{MODELS}/get", name="m")[0] == 404
    assert api.refused("GET", "model-versions/get", name="m", version=number)[0] == 404
    assert "tags" not in create(api)
    assert version(api) == "1"


def test_tags_are_set_overwritten_and_removed(api: Any) -> None:
    made = create(api)
    long = "x" * 100_000

    for value in ("1", long):
        assert api.post(f"{MODELS}/set-tag", name="m", key="k", value=value) == {}
    assert get(api)["tags"] == [{"key": "k", "value": long}]
    assert get(api)["last_updated_timestamp"] == made["last_updated_timestamp"]

    for _ in range(2):
        assert send(api, "DELETE", f"{MODELS}/delete-tag", name="m", key="k") == {}
    assert "tags" not in get(api)
    assert "100000" in api.refused("POST", f"{MODELS}/set-tag", name="m", key="k", value=long + "x")[2]
    assert api.refused("POST", f"{MODELS}/set-tag", name="m", key="../k", value="v")[0] == 400
    assert api.refused("POST", f"{MODELS}/set-tag", name="m", value="v")[0] == 400


def test_aliases_point_at_one_version(api: Any) -> None:
    create(api)
    version(api), version(api)

    for number in ("1", "2"):
        assert api.post(f"{MODELS}/alias", name="m", alias="champion", version=number) == {}
    api.post(f"{MODELS}/alias", name="m", alias="Best-1", version=1)

    assert get(api)["aliases"] == [
        {"alias": "Best-1", "version": "1"},
        {"alias": "champion", "version": "2"},
    ]
    found = api.get(f"{MODELS}/alias", name="m", alias="champion")["model_version"]
    assert (found["version"], found["aliases"]) == ("2", ["champion"])
    assert api.get("model-versions/get", name="m", version=1)["model_version"]["aliases"] == ["Best-1"]
    assert "aliases" not in get(api)["latest_versions"][0]

    for _ in range(2):
        assert send(api, "DELETE", f"{MODELS}/alias", name="m", alias="champion") == {}
    assert api.refused("GET", f"{MODELS}/alias", name="m", alias="champion") == (
        400,
        "INVALID_PARAMETER_VALUE",
        "Registered model alias champion not found.",
    )


def test_the_alias_latest_is_the_highest_version(api: Any) -> None:
    create(api)
    assert api.refused("GET", f"{MODELS}/alias", name="m", alias="latest") == (
        404,
        "RESOURCE_DOES_NOT_EXIST",
        "Latest version not found for model m.",
    )
    for _ in range(3):
        version(api)
    move(api, "1", "Production")
    send(api, "DELETE", "model-versions/delete", name="m", version="3")

    assert api.get(f"{MODELS}/alias", name="m", alias="Latest")["model_version"]["version"] == "2"


@pytest.mark.parametrize(
    ("alias", "message"),
    [
        ("", "Missing value for required parameter 'alias'."),
        (
            "a b",
            "Invalid alias name: 'a b'. Names may only contain alphanumerics, underscores (_), and dashes (-).",
        ),
        ("a\n", "Invalid alias name"),
        ("LATEST", "'latest' alias name (case insensitive) is reserved."),
        ("v12", "Version alias name 'v12' is reserved."),
        ("V1", "Version alias name 'V1' is reserved."),
        ("x" * 256, "'Registered model alias name' exceeds the maximum length of 255 characters"),
    ],
)
def test_aliases_that_cannot_be_are_refused(api: Any, alias: str, message: str) -> None:
    create(api)
    version(api)

    status, code, said = api.refused("POST", f"{MODELS}/alias", name="m", alias=alias, version="1")

    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert message in said


def test_an_alias_needs_a_version_that_exists(api: Any) -> None:
    create(api)
    version(api)

    assert api.refused("POST", f"{MODELS}/alias", name="m", alias="a", version="2") == (
        404,
        "RESOURCE_DOES_NOT_EXIST",
        "Model Version (name=m, version=2) not found",
    )
    assert api.refused("POST", f"{MODELS}/alias", name="m", alias="a")[0] == 400


def test_the_newest_version_of_each_stage_comes_with_the_model(api: Any) -> None:
    create(api)
    for _ in range(5):
        version(api)
    for number in ("1", "2"):
        move(api, number, "Production")
    move(api, "3", "archived")
    api.post(f"{MODELS}/alias", name="m", alias="champion", version="2")

    shown = [(each["version"], each["current_stage"]) for each in get(api)["latest_versions"]]
    assert shown == [("2", "Production"), ("3", "Archived"), ("5", "None")]

    latest = api.post(f"{MODELS}/get-latest-versions", name="m")["model_versions"]
    assert [each["version"] for each in latest] == ["2", "3", "5"]
    assert latest[0]["aliases"] == ["champion"]
    asked = api.get(f"{MODELS}/get-latest-versions", name="m", stages=["production", "NONE"])
    assert [each["version"] for each in asked["model_versions"]] == ["2", "5"]
    assert api.post(f"{MODELS}/get-latest-versions", name="m", stages=["Staging"]) == {}
    assert api.refused("POST", f"{MODELS}/get-latest-versions", name="m", stages=["x"])[2] == (
        "Invalid Model Version stage: x. Value must be one of None, Staging, Production, Archived."
    )


def test_bodies_as_r_and_java_send_them_are_understood(api: Any) -> None:
    body = b'"{\\"name\\": \\"m\\", \\"description\\": null}"'
    headers = {"Content-Type": "application/json"}
    assert api.http.post(f"/api/2.0/mlflow/{MODELS}/create", content=body, headers=headers).status_code == 200

    version(api)
    moved = move(api, "1", "Staging", archiveExistingVersions="TRUE")

    assert moved["current_stage"] == "Staging"
    assert api.post(f"{MODELS}/rename", name="m", newName="n")["registered_model"]["name"] == "n"


def test_texts_that_a_database_cannot_hold_are_refused_or_kept_and_never_fail(api: Any) -> None:
    create(api)
    version(api)

    for text in (
        "a\x00b",
        "\ud800",
        "\U0001f600",
        "a\u0301",
        "%",
        "_",
        "'; DROP TABLE registered_models; --",
    ):
        body = {"name": text, "new_name": "n", "alias": text, "stage": text, "description": text, "key": text}
        calls = [
            ("POST", f"{MODELS}/create", body),
            ("GET", f"{MODELS}/get", body),
            ("POST", f"{MODELS}/alias", {**body, "name": "m", "version": "1"}),
            ("GET", f"{MODELS}/alias", {**body, "name": "m"}),
            ("POST", f"{MODELS}/set-tag", {"name": "m", "key": "k", "value": text}),
            ("DELETE", f"{MODELS}/delete-tag", {**body, "name": "m"}),
            ("PATCH", "model-versions/update", {**body, "name": "m", "version": "1"}),
            ("POST", "model-versions/create", {"name": "m", "source": "s3://bucket/" + text, "run_id": text}),
            ("POST", "model-versions/transition-stage", {**body, "name": "m", "version": "1"}),
            ("GET", f"{MODELS}/search", {"filter": f"name = {quoted(text)} OR tags.k LIKE {quoted(text)}"}),
            ("GET", "model-versions/search", {"filter": f"run_id IN ({quoted(text)})"}),
        ]
        for method, path, fields in calls:
            content = json.dumps(fields).encode()
            address = f"/api/2.0/mlflow/{path}"
            if method == "GET":
                safe = {key: value.encode("utf-8", "surrogatepass") for key, value in fields.items()}
                reply = api.http.get(f"{address}?{urlencode(safe)}")
            else:
                headers = {"Content-Type": "application/json"}
                reply = api.http.request(method, address, content=content, headers=headers)
            assert reply.status_code in (200, 400, 404), (method, path, text, reply.text)
            if reply.status_code != 200:
                assert reply.json()["error_code"] != "INTERNAL_ERROR"
    assert get(api)["name"] == "m"


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
