"""The model registry: models, versions, aliases, stages, tags, searches."""

from __future__ import annotations

from typing import Any

from tests.replay.record import Speaker
from tests.replay.wording.registry import MODEL_FILTERS, MODEL_ORDERS, VERSION_FILTERS, VERSION_ORDERS


def conversation(server: Speaker) -> None:
    _models(server)
    _versions(server)
    _aliases(server)
    _stages(server)
    _searches(server)


def _models(server: Speaker) -> None:
    create = "registered-models/create"
    server.post(create, {"name": "one"})
    server.post(
        create,
        {
            "name": "two",
            "description": "words",
            "tags": [{"key": "b", "value": "1"}, {"key": "a", "value": ""}],
        },
    )
    server.post(create, {"name": "one"}, say="a name that is taken")
    server.post(create, {}, say="no name")
    server.post(create, {"name": ""}, say="empty name")
    server.post(create, {"name": 5}, say="a number for a name")
    for name in ("a/b", "a:b", "a b", "é", " ", ".", "x" * 256, "x" * 257):
        server.post(create, {"name": name}, say="name")
    server.post(create, {"name": "t1", "tags": [{"value": "1"}]}, say="tag without key")
    server.post(
        create,
        {"name": "t2", "tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]},
        say="tag twice",
    )
    server.post(create, {"name": "t3", "tags": [{"key": "a!", "value": "1"}]}, say="bad tag key")
    server.post(create, {"name": "t4", "tags": [{"key": "k" * 251, "value": "1"}]}, say="long tag key")
    get = "registered-models/get"
    server.get(get, {"name": "two"})
    server.get(get, {"name": "nothing"})
    server.get(get, {}, say="no name")
    server.call("PATCH", "registered-models/update", {"name": "one", "description": "new words"})
    server.call("PATCH", "registered-models/update", {"name": "one", "description": ""}, say="no words")
    server.call("PATCH", "registered-models/update", {"name": "one"}, say="nothing")
    server.call("PATCH", "registered-models/update", {"name": "nothing", "description": "x"}, say="not there")
    server.call("PATCH", "registered-models/update", {"description": "x"}, say="no name")
    rename = "registered-models/rename"
    server.post(rename, {"name": "one", "new_name": "first"})
    server.get(get, {"name": "one"}, say="its old name")
    server.get(get, {"name": "first"})
    server.post(rename, {"name": "first", "new_name": "two"}, say="to a name that is taken")
    server.post(rename, {"name": "first", "new_name": "first"}, say="to its own name")
    server.post(rename, {"name": "first", "new_name": "a/b"}, say="to a bad name")
    server.post(rename, {"name": "first"}, say="no new name")
    server.post(rename, {"name": "nothing", "new_name": "x"}, say="not there")
    tag = "registered-models/set-tag"
    server.post(tag, {"name": "two", "key": "c", "value": "1"})
    server.post(tag, {"name": "two", "key": "c", "value": "2"}, say="overwritten")
    server.post(tag, {"name": "two", "key": "d"}, say="no value")
    server.post(tag, {"name": "two", "value": "2"}, say="no key")
    server.post(tag, {"name": "two", "key": "a!", "value": "2"}, say="bad key")
    server.post(tag, {"name": "two", "key": "k" * 251, "value": "2"}, say="long key")
    server.post(tag, {"name": "two", "key": "long", "value": "v" * 100_001}, say="long value")
    server.post(tag, {"name": "nothing", "key": "c", "value": "2"}, say="not there")
    server.post(tag, {"key": "c", "value": "2"}, say="no name")
    server.call("DELETE", "registered-models/delete-tag", {"name": "two", "key": "c"})
    server.call("DELETE", "registered-models/delete-tag", {"name": "two", "key": "c"}, say="twice")
    server.call("DELETE", "registered-models/delete-tag", {"name": "two"}, say="no key")
    server.call("DELETE", "registered-models/delete-tag", {"name": "nothing", "key": "c"}, say="not there")
    server.get(get, {"name": "two"})
    server.call("DELETE", "registered-models/delete", {"name": "first"})
    server.get(get, {"name": "first"}, say="deleted")
    server.call("DELETE", "registered-models/delete", {"name": "first"}, say="twice")
    server.call("DELETE", "registered-models/delete", {}, say="no name")
    server.post(create, {"name": "first"}, say="the name of a deleted one")


def _versions(server: Speaker) -> None:
    server.post("registered-models/create", {"name": "m"})
    run = server.post("runs/create", {"experiment_id": "0", "start_time": 1, "run_name": "maker"})["run"][
        "info"
    ]["run_id"]
    model = server.post("logged-models", {"experiment_id": "0", "name": "logged", "source_run_id": run})[
        "model"
    ]["info"]["model_id"]
    create = "model-versions/create"
    server.post(create, {"name": "m", "source": "s3://bucket/model"})
    server.post(
        create,
        {
            "name": "m",
            "source": f"mlflow-artifacts:/0/{run}/artifacts/model",
            "run_id": run,
            "description": "words",
            "tags": [{"key": "k", "value": "v"}],
            "run_link": "http://x/y",
        },
    )
    server.post(
        create,
        {"name": "m", "source": f"models:/{model}", "model_id": model, "run_id": run},
        say="of a logged model",
    )
    server.post(create, {"name": "m", "source": f"runs:/{run}/model", "run_id": run}, say="of a run")
    server.post(create, {"name": "nothing", "source": "s3://bucket/model"}, say="no such model")
    server.post(create, {"name": "m"}, say="no source")
    server.post(create, {"source": "s3://bucket/model"}, say="no name")
    server.post(create, {"name": "m", "source": ""}, say="empty source")
    for source in (
        "/etc/passwd",
        "file:///etc",
        "../x",
        "s3://b/../x",
        f"mlflow-artifacts:/0/{run}/artifacts/../../x",
        "http://x/../y",
        "models:/m/1",
        "models:/m-nothing",
        "runs:/nope/model",
    ):
        server.post(create, {"name": "m", "source": source}, say="source")
    server.post(
        create,
        {"name": "m", "source": f"mlflow-artifacts:/0/{run}/artifacts/model", "run_id": "nope"},
        say="no such run",
    )
    server.post(
        create, {"name": "m", "source": "s3://b/x", "tags": [{"key": "a!", "value": "v"}]}, say="bad tag"
    )
    get = "model-versions/get"
    server.get(get, {"name": "m", "version": "1"})
    server.get(get, {"name": "m", "version": "2"})
    server.get(get, {"name": "m", "version": "99"})
    server.get(get, {"name": "m", "version": "x"}, say="no number")
    server.get(get, {"name": "m"}, say="no version")
    server.get(get, {"version": "1"}, say="no name")
    server.get(get, {"name": "nothing", "version": "1"})
    server.get("registered-models/get", {"name": "m"})
    server.call("PATCH", "model-versions/update", {"name": "m", "version": "1", "description": "new"})
    server.call(
        "PATCH",
        "model-versions/update",
        {"name": "m", "version": "99", "description": "new"},
        say="not there",
    )
    server.call("PATCH", "model-versions/update", {"name": "m", "description": "new"}, say="no version")
    server.call(
        "PATCH", "model-versions/update", {"name": "m", "version": 1, "description": "new"}, say="a number"
    )
    uri = "model-versions/get-download-uri"
    for version in ("1", "2", "3", "99"):
        server.get(uri, {"name": "m", "version": version})
    tag = "model-versions/set-tag"
    server.post(tag, {"name": "m", "version": "1", "key": "a", "value": "1"})
    server.post(tag, {"name": "m", "version": "1", "key": "a", "value": "2"}, say="overwritten")
    server.post(tag, {"name": "m", "version": "1", "key": "b"}, say="no value")
    server.post(tag, {"name": "m", "version": "1", "value": "2"}, say="no key")
    server.post(tag, {"name": "m", "version": "99", "key": "a", "value": "2"}, say="not there")
    server.post(tag, {"name": "m", "version": "1", "key": "a!", "value": "2"}, say="bad key")
    server.call("DELETE", "model-versions/delete-tag", {"name": "m", "version": "1", "key": "a"})
    server.call("DELETE", "model-versions/delete-tag", {"name": "m", "version": "1", "key": "a"}, say="twice")
    server.get(get, {"name": "m", "version": "1"})
    server.call("DELETE", "model-versions/delete", {"name": "m", "version": "2"})
    server.get(get, {"name": "m", "version": "2"}, say="deleted")
    server.call("DELETE", "model-versions/delete", {"name": "m", "version": "2"}, say="twice")
    server.call("DELETE", "model-versions/delete", {"name": "m"}, say="no version")
    server.post(create, {"name": "m", "source": "s3://bucket/again"}, say="the next number")


def _aliases(server: Speaker) -> None:
    server.post("registered-models/create", {"name": "al"})
    for _ in range(2):
        server.post("model-versions/create", {"name": "al", "source": "s3://bucket/model"})
    alias = "registered-models/alias"
    server.post(alias, {"name": "al", "alias": "champion", "version": "1"})
    server.get(alias, {"name": "al", "alias": "champion"})
    server.post(alias, {"name": "al", "alias": "champion", "version": "2"}, say="moved")
    server.post(alias, {"name": "al", "alias": "Other", "version": "2"})
    server.get(alias, {"name": "al", "alias": "CHAMPION"}, say="another case")
    server.get("registered-models/get", {"name": "al"})
    server.get("model-versions/get", {"name": "al", "version": "2"})
    for name in ("latest", "Latest", "v1", "V12", "a b", "a/b", "é", "x" * 255, "x" * 256, ""):
        server.post(alias, {"name": "al", "alias": name, "version": "1"}, say="alias")
    server.post(alias, {"name": "al", "alias": "a", "version": "99"}, say="no such version")
    server.post(alias, {"name": "al", "alias": "a", "version": "x"}, say="no number")
    server.post(alias, {"name": "nothing", "alias": "a", "version": "1"}, say="no such model")
    server.post(alias, {"name": "al", "alias": "a"}, say="no version")
    server.get(alias, {"name": "al", "alias": "nothing"})
    server.get(alias, {"name": "nothing", "alias": "champion"})
    server.get(alias, {"name": "al"}, say="no alias")
    server.call("DELETE", alias, {"name": "al", "alias": "champion"})
    server.call("DELETE", alias, {"name": "al", "alias": "champion"}, say="twice")
    server.call("DELETE", alias, {"name": "nothing", "alias": "champion"}, say="no such model")
    server.call("DELETE", "model-versions/delete", {"name": "al", "version": "2"})
    server.get("registered-models/get", {"name": "al"}, say="its alias went with the version")


def _stages(server: Speaker) -> None:
    server.post("registered-models/create", {"name": "st"})
    for _ in range(3):
        server.post("model-versions/create", {"name": "st", "source": "s3://bucket/model"})

    def move(say: str = "", /, **body: Any) -> None:
        body = {"name": "st", "version": "1", "stage": "Staging", "archive_existing_versions": False, **body}
        server.post("model-versions/transition-stage", body, say=say)

    move()
    move("small letters", stage="production")
    move("another", version="2", stage="Production")
    move("archiving", version="3", stage="Production", archive_existing_versions=True)
    move("archiving in a stage that cannot", version="3", stage="None", archive_existing_versions=True)
    move("a boolean as text", version="3", stage="Production", archive_existing_versions="true")
    move("no stage", stage="")
    move("no such stage", stage="Live")
    move("not there", version="99")
    move("no such model", name="nothing")
    server.post(
        "model-versions/transition-stage",
        {"name": "st", "version": "1", "stage": "Staging"},
        say="archive or not is left out",
    )
    server.get("registered-models/get", {"name": "st"})
    latest = "registered-models/get-latest-versions"
    server.post(latest, {"name": "st"})
    server.post(latest, {"name": "st", "stages": ["Production", "None"]})
    server.post(latest, {"name": "st", "stages": ["production"]}, say="small letters")
    server.post(latest, {"name": "st", "stages": ["Live"]}, say="no such stage")
    server.post(latest, {"name": "nothing"}, say="not there")
    server.post(latest, {}, say="no name")
    server.get(latest, {"name": "st", "stages": ["Production", "Archived"]}, say="by GET")


def _searches(server: Speaker) -> None:
    for name in (
        "one",
        "two",
        "first",
        "m",
        "al",
        "st",
        "a b",
        "é",
        " ",
        ".",
        "x" * 256,
        "x" * 257,
        "t1",
        "t2",
        "t3",
        "t4",
    ):
        server.call(
            "DELETE",
            "registered-models/delete",
            {"name": name},
            say="away with it" if len(name) < 257 else "name away",
        )
    models: list[tuple[str, dict[str, str]]] = [
        ("alpha", {"team": "a"}),
        ("beta", {"team": "b", "with space": "1"}),
        ("Gamma", {}),
        ("prompt", {"mlflow.prompt.is_prompt": "true"}),
    ]
    for name, tags in models:
        server.post(
            "registered-models/create",
            {"name": name, "tags": [{"key": key, "value": value} for key, value in tags.items()]},
        )
    run = server.post("runs/create", {"experiment_id": "0", "start_time": 1, "run_name": "source"})["run"][
        "info"
    ]["run_id"]
    for name, source, by, tag in (
        ("alpha", "one", run, "x"),
        ("alpha", "two", "", "Xy"),
        ("beta", "one", run, None),
        ("Gamma", "three", "", "x"),
    ):
        body: dict[str, Any] = {"name": name, "source": f"s3://bucket/{source}"}
        if by:
            body["run_id"] = by
        if tag:
            body["tags"] = [{"key": "stage", "value": tag}]
        server.post("model-versions/create", body)

    _found(server, run)


def _found(server: Speaker, run: str) -> None:
    def models_found(say: str = "", /, **query: Any) -> Any:
        return server.get("registered-models/search", query, say=say)

    def versions_found(say: str = "", /, **query: Any) -> Any:
        return server.get("model-versions/search", query, say=say)

    for text in MODEL_FILTERS:
        models_found(filter=text)
    for order in MODEL_ORDERS:
        models_found("order", order_by=order)
    for text in [
        *VERSION_FILTERS,
        f"run_id = '{run}'",
        f"run_id IN ('{run}', 'x')",
        f"name = 'alpha' and run_id = '{run}'",
    ]:
        versions_found(filter=text, order_by=["name", "version_number"])
    for order in VERSION_ORDERS:
        versions_found("order", order_by=order)
    for find in (models_found, versions_found):
        page = find("page", max_results=2, order_by=["name"])
        find("next page", max_results=2, order_by=["name"], page_token=page["next_page_token"])
        find("no order")
        find("none", max_results=0)
        find("negative", max_results=-1)
        find("too many", max_results=200_001)
        find("unknown token", page_token="nonsense")
