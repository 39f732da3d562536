"""What was registered offline, and its way to a registry later: versions once, aliases at the right ones."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tracking_client.scripts import Scripts
from tests.tracking_client.servers import stop_server
from tracking_client import artifacts, local_server, offline
from tracking_client.client import TrackingClient
from tracking_client.journal_folder import journal_folder
from tracking_client.local_server import LocalServer
from tracking_client.tracking_uri import LocalStore
from tracking_client.wire import names

REGISTERS = """
import pathlib, sys, tempfile
import tracking_client as tracking

name = sys.argv[1]
client = tracking.MlflowClient()

def logged(title, text):
    model = tracking.initialize_logged_model(title)
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "MLmodel").write_text(f"model_id: {model.model_id}\\n")
        pathlib.Path(folder, "weights.txt").write_text(text)
        client.log_model_artifacts(model.model_id, folder)
    tracking.finalize_logged_model(model.model_id, "READY")
    return model

tracking.set_experiment(name)
with tracking.start_run(run_name="maker") as run:
    tracking.log_text("of the run", "files/weights.txt")
    made = logged("net", "of the model")
    tracking.log_outputs([tracking.LoggedModelOutput(made.model_id, 0)])
    tracking.register_model(made.model_uri, name, tags={"at": "birth"})
    tracking.register_model(f"runs:/{run.info.run_id}/files", name)
tracking.register_model(logged("alone", "of nobody").model_uri, name)
client.create_model_version(name, "s3://somewhere/else", description="elsewhere")
client.delete_model_version(name, 4)
client.create_model_version(name, "s3://somewhere/new", run_link="https://example.invalid")
client.update_registered_model(name, "what it is for")
client.set_registered_model_tag(name, "team", "a")
client.update_model_version(name, 2, "the second")
client.set_model_version_tag(name, 1, "k", "v")
client.transition_model_version_stage(name, 1, "Production")
client.set_registered_model_alias(name, "champion", 2)
client.set_registered_model_alias(name, "lonely", 3)
client.copy_model_version(f"models:/{name}@champion", f"a copy of {name}")
client.create_registered_model(f"nothing of {name}", description="empty")
"""


@pytest.fixture(autouse=True)
def _offline_servers_end() -> Iterator[None]:
    """The servers of the stores of offline runs end with the test."""
    yield
    for store in offline.stores_in(journal_folder()):
        stop_server(LocalStore.of_database(store.database))
    local_server._forget_ended()


@pytest.fixture(params=["ours", "mlflow"])
def target(
    request: pytest.FixtureRequest, server: LocalServer, mlflow_url: str, monkeypatch: pytest.MonkeyPatch
) -> TrackingClient:
    """The server that runs are meant for, of either kind."""
    url = server.url if request.param == "ours" else mlflow_url
    monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", server.token or "")
    return TrackingClient()


@pytest.fixture
def name() -> str:
    """A name that no registry has yet."""
    return f'it\'s "{os.urandom(4).hex()}"'


def _registered(scripts: Scripts, name: str, **environ: str) -> None:
    done = scripts.run(REGISTERS, name, **environ)
    assert done.returncode == 0, done.stderr


def _synced(scripts: Scripts, *arguments: str) -> str:
    done = scripts.run("from runner.cli.main import main; main()", "sync", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _versions(client: TrackingClient, name: str) -> list[Any]:
    pattern = name.replace('"', "_")
    found = [each for each in client.find_model_versions(f'name LIKE "{pattern}"') if each.name == name]
    return sorted(found, key=lambda version: int(version.version))


def _picture(client: TrackingClient, name: str, *, after: int = 0) -> dict[str, Any]:
    """All that a registry has of a model, but for the numbers of versions, which are counted from `after`."""
    model = client.get_registered_model(name)
    versions = _versions(client, name)[after:]
    order = [version.version for version in versions]
    return {
        "description": model.description,
        "tags": _without_marks(model.tags),
        "aliases": {alias: order.index(number) for alias, number in model.aliases.items()},
        "versions": [
            {
                "description": version.description,
                "tags": _without_marks(version.tags),
                "stage": version.current_stage,
                "link": version.run_link,
                "run": client.get_run(version.run_id).info.run_name if version.run_id else None,
                "model": _model_of(client, version),
                "source": version.source if (version.source or "").startswith("s3:") else None,
                "weights": _weights(version),
            }
            for version in versions
        ],
    }


def _model_of(client: TrackingClient, version: Any) -> str | None:
    _, is_model, model_id = version.source.partition("models:/m-")
    return client.get_logged_model(f"m-{model_id}").name if is_model else None


def _weights(version: Any) -> str | None:
    if version.source.startswith("s3:"):
        return None
    return artifacts.load_text(f"models:/{version.name}/{version.version}/weights.txt")


def _without_marks(tags: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in tags.items() if not key.startswith(names.REPLAYED_AS)}


def test_what_was_registered_offline_is_in_the_registry_as_if_it_had_been_registered_there(
    target: TrackingClient, scripts: Scripts, name: str
) -> None:
    online = f"{name} online"
    _registered(scripts, online)
    target.create_registered_model(name)
    older = target.create_model_version(name, "s3://older/one")
    _registered(scripts, name, RUNNER_OFFLINE="1")
    assert "would register 5 model versions" in _synced(scripts, "--dry-run")

    said = _synced(scripts)

    assert "registered 5 model versions" in said
    assert _picture(target, name, after=1) == _picture(target, online)
    assert [version.version for version in _versions(target, name)] == ["1", "2", "3", "4", "5"]
    assert target.get_model_version(name, older.version).source == "s3://older/one"
    copies = [_picture(target, f"a copy of {each}") for each in (name, online)]
    assert copies[0] == copies[1]
    assert target.get_registered_model(f"nothing of {name}").description == "empty"
    (mine,) = [
        model for model in target.find_logged_models([_experiment_id(target, name)]) if model.name == "net"
    ]
    assert json.loads(mine.tags[names.MODEL_VERSIONS])[0] == {"name": name, "version": 2}
    everything = [target.get_registered_model(name).tags, *(each.tags for each in _versions(target, name))]
    assert not any(key.startswith("runner.") for tags in everything for key in tags)

    assert _synced(scripts) == ""
    assert len(_versions(target, name)) == 5


def _experiment_id(client: TrackingClient, name: str) -> str:
    found = client.get_experiment_by_name(name)
    assert found is not None
    return found.experiment_id


def test_what_is_changed_later_is_replayed_and_what_others_changed_meanwhile_stays(
    target: TrackingClient, scripts: Scripts, name: str
) -> None:
    _registered(scripts, name, RUNNER_OFFLINE="1")
    _synced(scripts)
    target.update_model_version(name, 2, "said on the server")
    target.transition_model_version_stage(name, 1, "Archived")
    changes = """
import sys
import tracking_client as tracking
client = tracking.MlflowClient()
client.set_registered_model_alias(sys.argv[1], "champion", 3)
client.set_model_version_tag(sys.argv[1], 3, "later", "yes")
"""
    assert scripts.run(changes, name, RUNNER_OFFLINE="1").returncode == 0

    assert _synced(scripts) == ""

    versions = _versions(target, name)
    assert len(versions) == 4
    assert versions[1].description == "said on the server"
    assert versions[0].current_stage == "Archived"
    assert versions[2].tags["later"] == "yes"
    assert target.get_model_version_by_alias(name, "champion").version == versions[2].version


def test_a_sync_that_is_killed_again_and_again_registers_each_version_once(
    target: TrackingClient, scripts: Scripts, name: str
) -> None:
    online = f"{name} online"
    _registered(scripts, online)
    _registered(scripts, name, RUNNER_OFFLINE="1")
    stop_at = """
import os, sys
from tracking_client.transport import Transport
left = int(sys.argv.pop(1))
answered = Transport._answered
def counted(self, method, path, *args, **kwargs):
    global left
    response = answered(self, method, path, *args, **kwargs)
    if "model-versions" in path or "registered-models" in path:
        left -= 1
    if left == 0:
        os.kill(os.getpid(), 9)
    return response
Transport._answered = counted
from runner.cli.main import main
main()
"""
    requests, killed = 2, 0
    while (done := scripts.run(stop_at, str(requests), "sync")).returncode == -signal.SIGKILL:
        requests, killed = requests + 5, killed + 1
    assert done.returncode == 0, done.stderr
    assert killed >= 5

    assert _picture(target, name) == _picture(target, online)
    copies = [_picture(target, f"a copy of {each}") for each in (name, online)]
    assert copies[0] == copies[1]


def test_versions_of_two_machines_are_two(
    target: TrackingClient, scripts: Scripts, name: str, tmp_path: Path
) -> None:
    register = """
import sys
import tracking_client as tracking
client = tracking.MlflowClient()
try:
    client.create_registered_model(sys.argv[1])
except tracking.TrackingError:
    pass
client.create_model_version(sys.argv[1], sys.argv[2])
"""
    for machine in ("one", "other"):
        folder = str(tmp_path / machine)
        done = scripts.run(
            register, name, f"s3://of/{machine}", RUNNER_OFFLINE="1", RUNNER_JOURNAL_DIR=folder
        )
        assert done.returncode == 0, done.stderr
        done = scripts.run("from runner.cli.main import main; main()", "sync", RUNNER_JOURNAL_DIR=folder)
        assert done.returncode == 0, done.stderr
        for store in offline.stores_in(Path(folder)):
            stop_server(LocalStore.of_database(store.database))
    assert [version.source for version in _versions(target, name)] == ["s3://of/one", "s3://of/other"]
