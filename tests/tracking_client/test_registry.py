"""The client's calls of the model registry, against a server that may lose its answers."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

import tracking_client as tracking
from tests.tracking_client.proxy import Proxy
from tracking_client.client import TrackingClient
from tracking_client.errors import AlreadyExists, InvalidArgument, NotFound, TrackingError
from tracking_client.model_versions import ready_version
from tracking_client.wire.entities import ModelVersion

_API = "/api/2.0/mlflow"
_PENDING = ModelVersion("m", "1", 0, status="PENDING_REGISTRATION")


@pytest.fixture
def name() -> str:
    """The name of a registered model of the test's own."""
    return f"model {os.urandom(4).hex()}"


def test_a_lost_answer_does_not_turn_success_into_failure(
    through: TrackingClient, proxy: Proxy, name: str
) -> None:
    proxy.plan = ["lose"]
    assert through.create_registered_model(name, description="once").description == "once"
    through.create_model_version(name, "s3://bucket/model")
    proxy.plan = ["lose"]
    through.delete_model_version(name, 1)
    with pytest.raises(NotFound):
        through.get_model_version(name, 1)
    proxy.plan = ["lose"]
    through.delete_registered_model(name)
    with pytest.raises(NotFound):
        through.get_registered_model(name)


def test_a_name_that_is_taken_is_an_error_where_nothing_was_lost(client: TrackingClient, name: str) -> None:
    client.create_registered_model(name)
    with pytest.raises(AlreadyExists):
        client.create_registered_model(name)


def test_a_change_is_one_request(through: TrackingClient, proxy: Proxy, name: str) -> None:
    through.create_registered_model(name)
    through.create_model_version(name, "s3://bucket/model")
    proxy.requests.clear()
    through.set_registered_model_tag(name, "k", 1)
    through.set_registered_model_alias(name, "best", 1)
    through.set_model_version_tag(name, 1, "k", 1)
    assert proxy.paths() == [
        f"POST {_API}/registered-models/set-tag",
        f"POST {_API}/registered-models/alias",
        f"POST {_API}/model-versions/set-tag",
    ]


def test_every_page_is_walked(client: TrackingClient, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracking_client.registered_models.REGISTERED_MODELS_PER_PAGE", 2)
    monkeypatch.setattr("tracking_client.model_versions.SEARCH_MODEL_VERSIONS_MAX_RESULTS", 2)
    for number in range(5):
        client.create_registered_model(f"{name}-{number}")
        client.create_model_version(f"{name}-0", f"s3://bucket/{number}")
    wanted = f"name LIKE '{name}%'"
    assert [each.name[-1] for each in client.find_registered_models(wanted)] == list("01234")
    assert len(list(client.find_registered_models(wanted, max_results=3))) == 3
    found = client.find_model_versions(f"name = '{name}-0'", ["version_number ASC"])
    assert [each.version for each in found] == list("12345")


def test_prompts_are_found_only_by_who_asks_for_them(client: TrackingClient, name: str) -> None:
    client.create_registered_model(name, tags={"mlflow.prompt.is_prompt": "true"})
    assert client.search_registered_models(f"name = '{name}'") == []
    asked = f"name = '{name}' AND tag.`mlflow.prompt.is_prompt` = 'true'"
    assert [each.name for each in client.search_registered_models(asked)] == [name]


def test_alternatives_find_no_prompts_either(client: TrackingClient, name: str) -> None:
    client.create_registered_model(f"{name} or a", tags={"k": "v"})
    client.create_registered_model(f"{name} b", tags={"mlflow.prompt.is_prompt": "true"})
    wanted = f"name = '{name} b' OR name = '{name} or a'"
    assert [each.name for each in client.search_registered_models(wanted)] == [f"{name} or a"]


def test_no_parentheses_are_sent_where_there_is_no_alternative(
    through: TrackingClient, proxy: Proxy, name: str
) -> None:
    through.search_registered_models(f"name = '{name} or not' AND tags.`a or b` = \"c or d\"")
    assert "%28" not in proxy.requests[-1][1]


@pytest.mark.parametrize("uri", ["runs:/a/b", "s3://bucket/model", "models:/m-0"])
def test_only_a_version_can_be_copied(client: TrackingClient, name: str, uri: str) -> None:
    with pytest.raises(InvalidArgument):
        client.copy_model_version(uri, name)
    with pytest.raises(NotFound):
        client.get_registered_model(name)


def test_a_stage_without_a_version_is_told(client: TrackingClient, name: str) -> None:
    client.create_registered_model(name)
    with pytest.raises(NotFound, match="no version in stage 'Staging'"):
        client.set_model_version_tag(name, key="k", value=1, stage="Staging")
    with pytest.raises(NotFound, match="has no version"):
        client.copy_model_version(f"models:/{name}/latest", f"{name}-copy")


@pytest.mark.parametrize(
    "change",
    [
        lambda client, name: client.set_model_version_tag(name, 1, None, 1),
        lambda client, name: client.set_model_version_tag(name, 1, "../k", 1),
        lambda client, name: client.delete_model_version_tag(name, 1),
        lambda client, name: client.set_registered_model_tag(name, "", 1),
        lambda client, name: client.update_model_version(name, 1),
        lambda client, name: client.transition_model_version_stage(name, 1, "nowhere"),
        lambda client, name: client.set_registered_model_alias(name, "latest", 1),
    ],
)
def test_values_against_the_rules_are_refused(
    client: TrackingClient, name: str, change: Callable[[TrackingClient, str], object]
) -> None:
    client.create_registered_model(name)
    client.create_model_version(name, "s3://bucket/model")
    with pytest.raises(InvalidArgument):
        change(client, name)


def test_a_version_that_is_being_made_is_waited_for() -> None:
    answers = [_PENDING, _PENDING, ModelVersion("m", "1", 0)]
    slept: list[float] = []
    ready = ready_version(
        _PENDING, lambda: answers.pop(0), timeout_s=60, sleep=slept.append, now=lambda: sum(slept)
    )
    assert (ready.status, len(slept), answers) == ("READY", 3, [])


def test_a_version_that_takes_too_long_or_fails_is_told() -> None:
    slept: list[float] = []
    with pytest.raises(TrackingError, match="not ready after 5 s"):
        ready_version(
            _PENDING, lambda: _PENDING, timeout_s=5, sleep=slept.append, now=lambda: float(sum(slept))
        )
    failed = ModelVersion("m", "1", 0, status="FAILED_REGISTRATION", status_message="no space")
    with pytest.raises(TrackingError, match="no space"):
        ready_version(failed, lambda: failed, timeout_s=5)


def test_fluent_functions_change_tags_and_aliases(client: TrackingClient, name: str) -> None:
    version = tracking.register_model("s3://bucket/model", name, tags={"a": 1})
    tracking.set_model_version_tag(name, version.version, "k", 2)
    tracking.delete_model_version_tag(name, version.version, "a")
    tracking.set_registered_model_alias(name, "best", version.version)
    assert client.get_model_version_by_alias(name, "best").tags == {"k": "2"}
    tracking.delete_registered_model_alias(name, "best")
    assert client.get_registered_model(name).aliases == {}


@pytest.mark.parametrize("uri", ["runs:/", "runs:/abc", "runs:/abc/", "models:/", "models:/a/b/c"])
def test_a_uri_that_names_no_model_registers_nothing(client: TrackingClient, name: str, uri: str) -> None:
    with pytest.raises(InvalidArgument):
        tracking.register_model(uri, name)
    with pytest.raises(NotFound):
        client.get_registered_model(name)


def test_a_run_without_such_a_model_registers_nothing(
    client: TrackingClient, experiment_id: str, name: str
) -> None:
    run_id = client.create_run(experiment_id).info.run_id
    for path in ("nothing", "it's"):
        with pytest.raises(NotFound, match="neither artifacts"):
            tracking.register_model(f"runs:/{run_id}/{path}", name)
    with pytest.raises(NotFound):
        client.get_registered_model(name)


def test_a_logged_model_tells_as_what_it_was_registered(
    client: TrackingClient, experiment_id: str, name: str
) -> None:
    model = client.create_logged_model(experiment_id, name="m")
    for _ in range(2):
        tracking.register_model(model.model_uri, name)
    told = client.get_logged_model(model.model_id).tags["mlflow.modelVersions"]
    assert told == f'[{{"name": "{name}", "version": 1}}, {{"name": "{name}", "version": 2}}]'


def test_a_note_of_somebody_else_is_left_alone(client: TrackingClient, experiment_id: str, name: str) -> None:
    model = client.create_logged_model(experiment_id, name="m", tags={"mlflow.modelVersions": "not JSON"})
    tracking.register_model(model.model_uri, name)
    assert client.get_logged_model(model.model_id).tags["mlflow.modelVersions"] == "not JSON"
