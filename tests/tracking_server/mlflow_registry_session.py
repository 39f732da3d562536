"""A program that uses the registry of the server it is given with MLflow's own client, and prints what went wrong.

Run by `test_mlflow_registry.py` in a process of its own, since the client keeps state in its environment:
`python mlflow_registry_session.py URL`. Each function is one test; the output is a JSON object of name to problem
or null.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
from mlflow.pyfunc.model import PythonModel

SERVER_FILES = "mlflow-artifacts:"


class Doubling(PythonModel):  # type: ignore[misc]
    """A model small enough to be logged in a test."""

    def predict(self, context: Any, model_input: list[int], params: Any = None) -> list[int]:
        """Twice each number."""
        return [2 * number for number in model_input]


def refused(call: Callable[[], object]) -> Any:
    """The error that a call which must fail ends with."""
    try:
        call()
    except mlflow.MlflowException as error:
        return error
    raise AssertionError("the call should have failed")


def a_models_life(client: Any) -> None:
    made = client.create_registered_model("life", tags={"team": "a", "n": 1}, description="first")
    assert (made.name, made.tags, made.description) == ("life", {"team": "a", "n": "1"}, "first")
    taken = refused(lambda: client.create_registered_model("life"))
    assert taken.error_code == "RESOURCE_ALREADY_EXISTS"
    assert "Registered Model (name=life) already exists." in str(taken)
    assert client.update_registered_model("life", "second").description == "second"
    client.set_registered_model_tag("life", "team", "b")
    client.delete_registered_model_tag("life", "n")
    client.rename_registered_model("life", "renamed")
    found = client.get_registered_model("renamed")
    assert (found.tags, found.description, found.latest_versions) == ({"team": "b"}, "second", [])
    client.delete_registered_model("renamed")
    missing = refused(lambda: client.get_registered_model("renamed"))
    assert missing.error_code == "RESOURCE_DOES_NOT_EXIST"


def versions_stages_and_tags(client: Any) -> None:
    client.create_registered_model("staged")
    for number in (1, 2, 3):
        made = client.create_model_version("staged", f"s3://bucket/{number}", tags={"n": number})
        assert (made.version, made.status, made.current_stage) == (str(number), "READY", "None")
        assert made.tags == {"n": str(number)}
    assert client.update_model_version("staged", "1", "good").description == "good"
    client.set_model_version_tag("staged", "1", "k", "v")
    client.delete_model_version_tag("staged", "1", "n")
    assert client.get_model_version("staged", "1").tags == {"k": "v"}
    client.set_model_version_tag("staged", "2", "k", "v")
    client.transition_model_version_stage("staged", "1", "production")
    moved = client.transition_model_version_stage("staged", "2", "Production", archive_existing_versions=True)
    assert moved.current_stage == "Production"
    latest = {each.current_stage: each.version for each in client.get_latest_versions("staged")}
    assert latest == {"None": "3", "Production": "2", "Archived": "1"}
    assert [each.version for each in client.get_latest_versions("staged", ["Production"])] == ["2"]
    client.delete_model_version("staged", "3")
    assert client.create_model_version("staged", "s3://bucket/4").version == "4"
    assert client.get_model_version_download_uri("staged", "2") == "s3://bucket/2"
    assert refused(lambda: client.get_model_version("staged", "3")).error_code == "RESOURCE_DOES_NOT_EXIST"


def aliases(client: Any) -> None:
    client.create_registered_model("aliased")
    for number in (1, 2):
        client.create_model_version("aliased", f"s3://bucket/{number}")
    for number in (1, 2):
        client.set_registered_model_alias("aliased", "champion", str(number))
    client.set_registered_model_alias("aliased", "old", "1")
    assert client.get_registered_model("aliased").aliases == {"champion": "2", "old": "1"}
    assert client.get_model_version_by_alias("aliased", "champion").version == "2"
    assert client.get_model_version("aliased", "1").aliases == ["old"]
    client.delete_registered_model_alias("aliased", "champion")
    client.delete_model_version("aliased", "1")
    assert client.get_registered_model("aliased").aliases == {}
    unknown = refused(lambda: client.get_model_version_by_alias("aliased", "champion"))
    assert "Registered model alias champion not found." in str(unknown)
    assert "is reserved" in str(refused(lambda: client.set_registered_model_alias("aliased", "v2", "2")))


def searches_in_pages(client: Any) -> None:
    for number in range(5):
        client.create_registered_model(f"page{number}", tags={"kind": "page"})
        client.create_model_version(f"page{number}", f"s3://bucket/{number}", run_id=f"run{number}")
    names: list[str] = []
    token = None
    while True:
        page = client.search_registered_models("name LIKE 'page%'", max_results=2, page_token=token)
        assert len(page) <= 2
        names += [model.name for model in page]
        token = page.token
        if not token:
            break
    assert names == [f"page{number}" for number in range(5)]
    order = ["name DESC"]
    found = mlflow.search_registered_models(filter_string="tags.kind = 'page'", order_by=order)
    assert [model.name for model in found] == names[::-1]
    versions = client.search_model_versions("name = 'page3'")
    assert [(each.name, each.version, each.run_id) for each in versions] == [("page3", "1", "run3")]
    assert [each.name for each in client.search_model_versions("run_id IN ('run1')")] == ["page1"]
    everything = mlflow.search_model_versions(filter_string="run_id LIKE 'run%'", order_by=["name"])
    assert [each.name for each in everything] == names


def a_logged_model_is_registered_and_loaded(client: Any) -> None:
    with mlflow.start_run() as run:
        logged = mlflow.pyfunc.log_model(
            name="model", python_model=Doubling(), registered_model_name="registered", pip_requirements=[]
        )
    assert logged.registered_model_version in (1, "1")
    version = client.get_model_version("registered", "1")
    assert (version.run_id, version.source) == (run.info.run_id, f"models:/{logged.model_id}")
    kept = client.get_logged_model(logged.model_id).tags["mlflow.modelVersions"]
    assert {str(each["version"]) for each in json.loads(kept)} == {"1"}
    uri = client.get_model_version_download_uri("registered", "1")
    assert uri == client.get_logged_model(logged.model_id).artifact_location

    second = mlflow.register_model(f"runs:/{run.info.run_id}/model", "registered")
    assert second.version == "2"
    third = mlflow.register_model(f"models:/{logged.model_id}", "registered", tags={"third": "yes"})
    assert client.get_model_version("registered", third.version).tags == {"third": "yes"}
    client.set_registered_model_alias("registered", "champion", "2")
    client.transition_model_version_stage("registered", "3", "Staging")
    for which in ("/1", "@champion", "/Staging", "/latest"):
        model = mlflow.pyfunc.load_model(f"models:/registered{which}")
        assert model.predict([1, 2]) == [2, 4], which

    copied = client.copy_model_version("models:/registered@champion", "copied")
    assert (copied.version, copied.source) == ("1", "models:/registered/2")
    assert mlflow.pyfunc.load_model("models:/copied/1").predict([3]) == [6]


def a_runs_files_are_registered_as_older_clients_do(client: Any) -> None:
    with mlflow.start_run() as run:
        mlflow.log_text("flavors: {}", "old/MLmodel")
    source = f"{run.info.artifact_uri}/old"
    assert source.startswith(SERVER_FILES)
    made = mlflow.register_model(f"runs:/{run.info.run_id}/old", "old")
    assert (made.source, made.run_id) == (source, run.info.run_id)
    assert client.get_model_version_download_uri("old", "1") == source
    local = Path(mlflow.artifacts.download_artifacts("models:/old/1"))
    assert (local / "MLmodel").read_text() == "flavors: {}"
    error = refused(lambda: client.create_model_version("old", "/etc", run_id=run.info.run_id))
    assert "Invalid model version source: '/etc'" in str(error)
    assert error.error_code == "INVALID_PARAMETER_VALUE"


def prompts(client: Any) -> None:
    made = mlflow.genai.register_prompt(name="greeting", template="Hello {{name}}", tags={"by": "me"})
    assert made.version == 1
    mlflow.genai.register_prompt(name="greeting", template="Hi {{name}}")
    client.set_prompt_alias("greeting", "best", 2)
    assert mlflow.genai.load_prompt("prompts:/greeting/1").template == "Hello {{name}}"
    assert mlflow.genai.load_prompt("prompts:/greeting@best").format(name="you") == "Hi you"
    assert [prompt.name for prompt in client.search_prompts()] == ["greeting"]
    assert "greeting" not in [model.name for model in client.search_registered_models()]
    taken = refused(lambda: client.create_registered_model("greeting"))
    assert "already taken by a prompt" in str(taken)


TESTS: tuple[Callable[[Any], None], ...] = (
    a_models_life,
    versions_stages_and_tags,
    aliases,
    searches_in_pages,
    a_logged_model_is_registered_and_loaded,
    a_runs_files_are_registered_as_older_clients_do,
    prompts,
)


def main(url: str) -> None:
    """Run every test and print the problems."""
    mlflow.set_tracking_uri(url)
    mlflow.set_experiment("the experiment")
    problems: dict[str, str | None] = {}
    for test in TESTS:
        try:
            test(mlflow.MlflowClient())
            problems[test.__name__] = None
        except Exception:  # noqa: BLE001  # reported, and the others still run
            problems[test.__name__] = traceback.format_exc()
            mlflow.end_run()
    print("\n" + json.dumps(problems))


if __name__ == "__main__":
    main(sys.argv[1])
