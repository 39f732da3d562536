"""Searching registered models and model versions: filters, orders, pages, prompts."""

from __future__ import annotations

from typing import Any

import pytest

from tracking_server.store.clock import now_ms

PROMPT = {"key": "mlflow.prompt.is_prompt", "value": "true"}
NO_PROMPTS = "tag.`mlflow.prompt.is_prompt` != 'true'"


def tag(key: str, value: str) -> dict[str, str]:
    return {"key": key, "value": value}


def model(api: Any, name: str, *tags: dict[str, str]) -> None:
    api.post("registered-models/create", name=name, tags=list(tags))


def version(api: Any, name: str, *tags: dict[str, str], **body: Any) -> str:
    body = {"name": name, "source": f"s3://bucket/{name}", "tags": list(tags), **body}
    return str(api.post("model-versions/create", **body)["model_version"]["version"])


def models(api: Any, filter: str = "", **query: Any) -> list[str]:
    reply = api.get("registered-models/search", filter=filter, **query)
    return [found["name"] for found in reply.get("registered_models", [])]


def versions(api: Any, filter: str = "", **query: Any) -> list[str]:
    reply = api.get("model-versions/search", filter=filter, **query)
    return [f"{found['name']}/{found['version']}" for found in reply.get("model_versions", [])]


def later() -> None:
    """Let the clock go on, which counts milliseconds: what is done now happened after what was done before."""
    began = now_ms()
    while now_ms() == began:
        pass


def pages(api: Any, path: str, items: str, **query: Any) -> list[Any]:
    found: list[Any] = []
    token = ""
    while True:
        reply = api.get(path, **query, **({"page_token": token} if token else {}))
        assert 0 < len(reply[items]) <= query["max_results"]
        found.extend(reply[items])
        token = reply.get("next_page_token", "")
        if not token:
            return found


@pytest.fixture
def registry(api: Any) -> Any:
    model(api, "alpha", tag("team", "red"), tag("size", "big"))
    model(api, "Beta", tag("team", "blue"))
    model(api, "gamma")
    version(api, "alpha", tag("stage", "dev"), run_id="run1")
    later()
    version(api, "alpha", run_id="run2")
    later()
    version(api, "Beta", tag("stage", "dev"), run_id="run1", source="s3://other/place")
    return api


MODELS = {
    "": ["Beta", "alpha", "gamma"],
    "name = 'alpha'": ["alpha"],
    "name='alpha'": ["alpha"],
    "name != 'alpha'": ["Beta", "gamma"],
    "name LIKE '%a'": ["Beta", "alpha", "gamma"],
    "name LIKE 'b%'": [],
    "name ILIKE 'b%'": ["Beta"],
    "name IN ('alpha', 'gamma')": ["alpha", "gamma"],
    "name NOT IN ('alpha')": ["Beta", "gamma"],
    "tags.team = 'red'": ["alpha"],
    "tag.team != 'red'": ["Beta"],
    "tag.team LIKE '%e%' AND tag.size = 'big'": ["alpha"],
    "tag.team IS NULL": ["gamma"],
    "NOT tag.team = 'red'": ["Beta", "gamma"],
    "name = 'gamma' OR (tag.team = 'blue' AND NOT name = 'alpha')": ["Beta", "gamma"],
    "creation_timestamp > 0 AND last_updated_timestamp < 5": [],
    NO_PROMPTS: ["Beta", "alpha", "gamma"],
}


def test_models_are_found_by_name_and_tags(registry: Any) -> None:
    assert {text: models(registry, text) for text in MODELS} == MODELS


VERSIONS = {
    "": ["Beta/1", "alpha/2", "alpha/1"],
    "name = 'alpha'": ["alpha/2", "alpha/1"],
    "name='alpha' AND version_number = 1": ["alpha/1"],
    "version_number >= 2": ["alpha/2"],
    "version_number = '2'": ["alpha/2"],
    "run_id = 'run1'": ["Beta/1", "alpha/1"],
    "run_id IN ('run1', 'run2')": ["Beta/1", "alpha/2", "alpha/1"],
    "run_id IN ('run1',)": ["Beta/1", "alpha/1"],
    "name NOT IN ('alpha')": ["Beta/1"],
    "source_path = 's3://other/place'": ["Beta/1"],
    "source_path LIKE 's3://bucket/%'": ["alpha/2", "alpha/1"],
    "tag.stage = 'dev'": ["Beta/1", "alpha/1"],
    "tag.stage = 'dev' AND name = 'alpha'": ["alpha/1"],
    "stage = 'None' AND NOT tag.stage = 'dev'": ["alpha/2"],
    "name = 'Beta' OR run_id = 'run2'": ["Beta/1", "alpha/2"],
    "model_id = 'm-1'": [],
    NO_PROMPTS: ["Beta/1", "alpha/2", "alpha/1"],
}


def test_versions_are_found_by_all_that_they_have(registry: Any) -> None:
    order = ["name ASC", "version_number DESC"]

    assert {text: versions(registry, text, order_by=order) for text in VERSIONS} == VERSIONS
    for text, expected in VERSIONS.items():
        assert sorted(versions(registry, text)) == sorted(expected)


def test_models_come_in_the_order_asked_for(registry: Any) -> None:
    later()
    version(registry, "gamma")

    assert models(registry, order_by=["name DESC"]) == ["gamma", "alpha", "Beta"]
    assert models(registry, order_by=["last_updated_timestamp DESC"])[0] == "gamma"
    assert models(registry, order_by=["timestamp"])[-1] == "gamma"
    assert models(registry, order_by=["creation_timestamp DESC", "name"]) != []
    assert models(registry, order_by=["tag.team"]) == ["Beta", "alpha", "gamma"]


def test_the_version_changed_last_comes_first(registry: Any) -> None:
    later()
    registry.post("model-versions/transition-stage", name="alpha", version="1", stage="Staging")
    found = registry.get("model-versions/search", filter="name = 'alpha'")["model_versions"]

    assert [each["version"] for each in found] == ["1", "2"]
    assert [each["current_stage"] for each in found] == ["Staging", "None"]
    assert "aliases" not in found[0]
    assert versions(registry, order_by=["version_number ASC", "name DESC"]) == [
        "alpha/1",
        "Beta/1",
        "alpha/2",
    ]
    assert versions(registry, order_by=["creation_timestamp"])[0] == "alpha/1"


PROMPTS = {
    "": ["model"],
    NO_PROMPTS: ["model"],
    "tag.`mlflow.prompt.is_prompt` = 'false'": ["model"],
    "tag.`mlflow.prompt.is_prompt` = 'true'": ["prompt"],
    "tag.`mlflow.prompt.is_prompt` != 'false'": ["prompt"],
    "NOT tag.`mlflow.prompt.is_prompt` = 'true'": ["model"],
    "tag.`mlflow.prompt.is_prompt` = 'true' OR name = 'model'": ["model", "prompt"],
    "name LIKE '%' AND tag.`mlflow.prompt.is_prompt` IS NULL": ["model"],
    "name = 'prompt'": [],
}


def test_prompts_are_found_by_those_who_ask_for_them(api: Any) -> None:
    model(api, "model")
    model(api, "prompt", PROMPT)
    version(api, "model")
    version(api, "prompt", PROMPT, source="dummy-source")
    of_versions = {text: [f"{name}/1" for name in names] for text, names in PROMPTS.items()}

    assert {text: models(api, text) for text in PROMPTS} == PROMPTS
    assert {text: versions(api, text, order_by=["name"]) for text in PROMPTS} == of_versions


def test_pages_neither_skip_nor_repeat_while_others_write(api: Any) -> None:
    for number in range(7):
        model(api, f"m{number}")
    first = api.get("registered-models/search", max_results=3)
    model(api, "a comes first")
    api.http.request("DELETE", "/api/2.0/mlflow/registered-models/delete", json={"name": "m1"})

    rest = models(api, max_results=100, page_token=first["next_page_token"])

    assert [found["name"] for found in first["registered_models"]] == ["m0", "m1", "m2"]
    assert rest == ["m3", "m4", "m5", "m6"]


def test_pages_of_versions_are_the_whole(api: Any) -> None:
    for name in ("a", "b"):
        model(api, name)
        for _ in range(5):
            version(api, name)

    for order in (
        [],
        ["name DESC"],
        ["last_updated_timestamp ASC", "name DESC"],
        ["creation_timestamp DESC"],
    ):
        query = {"order_by": order} if order else {}
        whole = api.get("model-versions/search", **query)["model_versions"]
        assert pages(api, "model-versions/search", "model_versions", max_results=3, **query) == whole
        assert len(whole) == 10


def test_a_token_belongs_to_its_search(registry: Any) -> None:
    token = registry.get("registered-models/search", max_results=1)["next_page_token"]

    for query in ({"filter": "name = 'x'"}, {"order_by": ["name DESC"]}):
        refused = registry.refused("GET", "registered-models/search", page_token=token, **query)
        assert refused[:2] == (400, "INVALID_PARAMETER_VALUE")
    assert registry.refused("GET", "model-versions/search", page_token=token)[0] == 400
    assert registry.refused("GET", "model-versions/search", page_token="nonsense")[0] == 400


NONSENSE = [
    ("registered-models", "nonsense = 1"),
    ("registered-models", "metrics.x > 1"),
    ("registered-models", "name > 'a'"),
    ("registered-models", "name = 1"),
    ("model-versions", "version_number = 'x'"),
    ("model-versions", "params.x = '1'"),
    ("model-versions", "name ="),
]


def test_filters_that_mean_nothing_are_refused(api: Any) -> None:
    for path, text in NONSENSE:
        refused = api.refused("GET", f"{path}/search", filter=text)
        assert refused[:2] == (400, "INVALID_PARAMETER_VALUE"), text


@pytest.mark.parametrize(("path", "most"), [("registered-models", 1000), ("model-versions", 200_000)])
def test_pages_are_bounded(api: Any, path: str, most: int) -> None:
    assert api.get(f"{path}/search", max_results=most) == {}
    for count in (0, -1, most + 1):
        status, code, message = api.refused("GET", f"{path}/search", max_results=count)
        assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
        assert f"Invalid value {count} for parameter 'max_results' supplied" in message
