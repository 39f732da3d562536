"""Runs without a server, and their way to one later."""

from __future__ import annotations

import math
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import tracking_client as tracking
from tests.tracking_client.mlflow_server import COMMAND, running_mlflow_server
from tests.tracking_client.scripts import Scripts
from tests.tracking_client.servers import stop_server
from tracking_client import local_server, offline
from tracking_client.client import TrackingClient
from tracking_client.errors import TransportError
from tracking_client.journal_folder import journal_folder
from tracking_client.local_server import LocalServer
from tracking_client.replaying.runs import Replay
from tracking_client.tracking_uri import LocalStore
from tracking_client.wire import names
from tracking_client.wire.entities import LoggedModelOutput, Run

FAMILY = """
import math, pathlib, sys, tempfile
import tracking_client as tracking
tracking.set_experiment(sys.argv[1])
with tracking.start_run(run_name="parent", tags={"kind": "sweep"}, description="several"):
    tracking.log_params({"space": "small", "seed": 7})
    for number in range(3):
        with tracking.start_run(run_name=f"child {number}", nested=True):
            tracking.log_param("number", number)
            for step, value in enumerate((1.5, math.nan, math.inf, -math.inf, 1e-300)):
                tracking.log_metric("loss", value, step=step, timestamp=1_700_000_000_000 + step)
            tracking.log_text(f"weights {number}", "model/weights.txt")
            tracking.log_text("notes", "notes.txt")
            model = tracking.initialize_logged_model("net", params={"depth": 2}, tags={"a": "b"}, model_type="x")
            data = tracking.data.MetaDataset(tracking.data.resolved_source("https://example.invalid/d.csv"))
            tracking.log_input(data, context="training")
            tracking.log_metric("accuracy", 0.5, step=3, timestamp=1_700_000_000_000, model_id=model.model_id,
                                dataset=data)
            with tempfile.TemporaryDirectory() as folder:
                pathlib.Path(folder, "MLmodel").write_text(f"model_id: {model.model_id}\\n")
                tracking.MlflowClient().log_model_artifacts(model.model_id, folder)
            tracking.finalize_logged_model(model.model_id, "READY")
            tracking.log_outputs([tracking.LoggedModelOutput(model.model_id, 3)])
            if number == 2:
                tracking.end_run("KILLED")
"""


@pytest.fixture(autouse=True)
def _offline_servers_end() -> Iterator[None]:
    """The servers of the stores of offline runs end with the test."""
    yield
    for store in offline.stores_in(journal_folder()):
        stop_server(LocalStore.of_database(store.database))
    local_server._forget_ended()


@pytest.fixture
def nowhere() -> str:
    """The address of a server that is not there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@pytest.fixture(scope="module")
def mlflow_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server."""
    if COMMAND is None:
        pytest.skip("the mlflow command is not installed")
    with running_mlflow_server(tmp_path_factory.mktemp("mlflow")) as url:
        yield url


def runs_of(client: TrackingClient, experiment: str) -> list[Run]:
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    return list(client.find_runs([found.experiment_id], order_by=["attributes.start_time ASC"]))


def picture(client: TrackingClient, experiment: str, *, times: bool) -> dict[str, Any]:
    """All that a server has of an experiment's runs, by their names."""
    runs = runs_of(client, experiment)
    run_names = {run.info.run_id: run.info.run_name for run in runs}
    return {
        str(run.info.run_name): {
            "status": run.info.status,
            "user": run.info.user_id,
            "times": (run.info.start_time, run.info.end_time) if times else None,
            "params": run.data.params,
            "tags": {
                key: run_names.get(value, value)
                for key, value in run.data.tags.items()
                if not key.startswith(names.REPLAYED_AS)
            },
            "points": [
                (key, repr(point.value), point.step, point.timestamp)
                for key in sorted(run.data.metrics)
                for point in client.get_metric_history(run.info.run_id, key)
            ],
            "artifacts": texts_of(client, run.info.run_id),
            "inputs": [
                (
                    item.dataset.name,
                    item.dataset.digest,
                    item.dataset.source,
                    [tag.value for tag in item.tags],
                )
                for item in run.inputs.dataset_inputs
            ],
            "models": [model_of(client, output) for output in run.outputs.model_outputs],
        }
        for run in runs
    }


def model_of(client: TrackingClient, output: LoggedModelOutput) -> dict[str, Any]:
    model = client.get_logged_model(output.model_id)
    folder = Path(client.download_logged_model_artifacts(model.model_id))
    return {
        "step": output.step,
        "name": model.name,
        "type": model.model_type,
        "status": str(model.status),
        "params": model.params,
        "tags": {
            key: value
            for key, value in model.tags.items()
            if not key.startswith((names.REPLAYED_AS, names.SOURCE_NAME))
        },
        "metrics": [
            (point.key, point.value, point.step, point.timestamp, point.dataset_name, point.dataset_digest)
            for point in model.metrics
        ],
        "says its own id": (folder / "MLmodel").read_text() == f"model_id: {model.model_id}\n",
    }


def texts_of(client: TrackingClient, run_id: str, path: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in client.list_artifacts(run_id, path):
        if entry.is_dir:
            found |= texts_of(client, run_id, entry.path)
        else:
            found[entry.path] = Path(client.download_artifacts(run_id, entry.path)).read_text()
    return found


def offline_client() -> TrackingClient:
    (store,) = offline.stores_in(journal_folder())
    return TrackingClient(f"sqlite:///{store.database}")


def synced(scripts: Scripts, *arguments: str) -> str:
    done = scripts.run("from runner.cli.main import main; main()", "sync", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("kind", ["ours", "mlflow"])
def test_runs_tracked_offline_are_on_the_server_as_if_they_had_been_tracked_there(
    kind: str, server: LocalServer, mlflow_url: str, scripts: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.url if kind == "ours" else mlflow_url
    monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", server.token or "")
    online, later = f"online {os.urandom(4).hex()}", f"offline {os.urandom(4).hex()}"
    assert scripts.run(FAMILY, online).returncode == 0
    done = scripts.run(FAMILY, later, RUNNER_OFFLINE="1")
    assert done.returncode == 0, done.stderr
    client = TrackingClient()
    assert client.get_experiment_by_name(later) is None

    assert "replayed 4 offline runs" in synced(scripts)

    assert picture(client, later, times=True) == picture(offline_client(), later, times=True)
    both = [picture(client, experiment, times=False) for experiment in (online, later)]
    for each in both[0].values():
        each["tags"].pop(names.SOURCE_NAME)
    for each in both[1].values():
        each["tags"].pop(names.SOURCE_NAME)
    assert both[0] == both[1]
    assert [len(runs_of(client, experiment)) for experiment in (online, later)] == [4, 4]

    assert synced(scripts) == ""
    assert len(runs_of(client, later)) == 4


SPEAKING = """
import sys
import tracking_client as tracking
tracking.set_experiment(sys.argv[1])
tracking.set_experiment_tag("team", "blue")
alone = tracking.create_external_model("alone", tags={"a": "b"})
with tracking.start_run(run_name="search") as search:
    with tracking.start_run(run_name="trial", nested=True) as trial:
        made = tracking.initialize_logged_model("made")
        tracking.log_outputs([tracking.LoggedModelOutput(made.model_id, 2)])
        tracking.finalize_logged_model(made.model_id, "READY")
        tracking.set_tag("found by", search.info.run_id)
    tracking.set_tags({"best_run": trial.info.run_id, "best_model": made.model_id, "digest": "0" * 32})
    tracking.log_param("of", trial.info.run_id)
    tracking.log_input(model=tracking.entities.LoggedModelInput(alone.model_id))
tracking.start_run(run_name="waiting")
tracking.end_run("SCHEDULED")
"""


@pytest.mark.parametrize("kind", ["ours", "mlflow"])
def test_what_runs_say_of_each_other_is_true_of_what_they_became(
    kind: str, server: LocalServer, mlflow_url: str, scripts: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.url if kind == "ours" else mlflow_url)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", server.token or "")
    experiment = f"speaking {os.urandom(4).hex()}"
    done = scripts.run(SPEAKING, experiment, RUNNER_OFFLINE="1")
    assert done.returncode == 0, done.stderr

    synced(scripts)

    client = TrackingClient()
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    assert found.tags["team"] == "blue"
    runs = {run.info.run_name: run for run in runs_of(client, experiment)}
    models = {model.name: model for model in client.find_logged_models([found.experiment_id])}
    search, trial, waiting = runs["search"], runs["trial"], runs["waiting"]
    assert search.data.tags["best_run"] == search.data.params["of"] == trial.info.run_id
    assert search.data.tags["best_model"] == models["made"].model_id
    assert search.data.tags["digest"] == "0" * 32
    assert trial.data.tags["found by"] == trial.data.tags[names.PARENT_RUN_ID] == search.info.run_id
    # What MLflow's server finds has neither: asked for one run, it tells.
    read = client.get_run(search.info.run_id).inputs.model_inputs
    assert [item.model_id for item in read] == [models["alone"].model_id]
    made = client.get_run(trial.info.run_id).outputs.model_outputs
    assert [item.model_id for item in made] == [models["made"].model_id]
    assert (models["alone"].tags["a"], models["alone"].status, models["alone"].source_run_id) == (
        "b",
        "READY",
        "",
    )
    assert models["made"].source_run_id == trial.info.run_id
    assert waiting.info.status == "SCHEDULED"
    assert waiting.info.end_time is not None
    assert not any(name.startswith(names.REPLAYED_AS) for name in {**found.tags, **search.data.tags})


def test_a_tag_of_an_experiment_that_was_changed_on_the_server_since_stays(
    scripts: Scripts, client: TrackingClient
) -> None:
    experiment = f"tags {os.urandom(4).hex()}"
    scripts.run(SPEAKING, experiment, RUNNER_OFFLINE="1")
    synced(scripts)
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    client.set_experiment_tag(found.experiment_id, "team", "red")

    scripts.run(SPEAKING, experiment, RUNNER_OFFLINE="1")
    synced(scripts)

    assert client.get_experiment(found.experiment_id).tags["team"] == "red"
    assert len(runs_of(client, experiment)) == 6


def test_a_server_of_ours_keeps_the_ids(
    server: LocalServer, scripts: Scripts, client: TrackingClient
) -> None:
    experiment = f"ids {os.urandom(4).hex()}"
    scripts.run(FAMILY, experiment, RUNNER_OFFLINE="1")
    kept = [run.info.run_id for run in runs_of(offline_client(), experiment)]

    synced(scripts)

    assert [run.info.run_id for run in runs_of(client, experiment)] == kept


@pytest.mark.parametrize("kind", ["ours", "mlflow"])
def test_a_sync_that_is_killed_again_and_again_ends_with_each_run_once(
    kind: str, server: LocalServer, mlflow_url: str, scripts: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.url if kind == "ours" else mlflow_url
    monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", server.token or "")
    experiment = f"killed {os.urandom(4).hex()}"
    assert scripts.run(FAMILY, experiment, RUNNER_OFFLINE="1").returncode == 0
    stop_at = """
import os, sys
from tracking_client.transport import Transport
left = int(sys.argv.pop(1))
answered = Transport._answered
def counted(self, *args, **kwargs):
    global left
    response = answered(self, *args, **kwargs)
    left -= 1
    if left == 0:
        os.kill(os.getpid(), 9)
    return response
Transport._answered = counted
from runner.cli.main import main
main()
"""
    requests = 3
    while (done := scripts.run(stop_at, str(requests), "sync")).returncode == -signal.SIGKILL:
        requests += 9
    assert done.returncode == 0, done.stderr
    assert requests > 20

    assert picture(TrackingClient(), experiment, times=True) == picture(
        offline_client(), experiment, times=True
    )
    assert len(runs_of(TrackingClient(), experiment)) == 4


def test_two_syncs_at_once_make_each_run_once(
    mlflow_url: str, scripts: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_url)
    experiment = f"together {os.urandom(4).hex()}"
    assert scripts.run(FAMILY, experiment, RUNNER_OFFLINE="1").returncode == 0
    source = "from runner.cli.main import main; main()"
    with scripts.start(source, "sync") as one, scripts.start(source, "sync") as other:
        said = [process.communicate(timeout=120) for process in (one, other)]

    codes = {one.returncode, other.returncode}
    assert codes <= {0, 3}, said
    assert 0 in codes, said
    assert len(runs_of(TrackingClient(), experiment)) == 4
    assert synced(scripts) == ""


def test_runs_may_be_sent_to_another_server_or_a_store(
    scripts: Scripts, nowhere: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts.run(FAMILY, "elsewhere", RUNNER_OFFLINE="1", MLFLOW_TRACKING_URI=nowhere)
    store = LocalStore.at(tmp_path / "all.db")

    assert "would replay 4 offline runs" in synced(scripts, "--dry-run", "--to", store.uri)
    assert "replayed 4 offline runs" in synced(scripts, "--to", store.uri)

    assert picture(TrackingClient(store.uri), "elsewhere", times=True) == picture(
        offline_client(), "elsewhere", times=True
    )
    stop_server(store)


def test_a_program_whose_server_does_not_answer_goes_on_offline_and_says_so(
    scripts: Scripts, nowhere: str
) -> None:
    done = scripts.run(FAMILY, "alone", MLFLOW_TRACKING_URI=nowhere, RUNNER_OFFLINE_AFTER_S="0.3")

    assert done.returncode == 0, done.stderr
    assert "runs are kept on this machine from now on, send them later with: runner sync" in done.stderr
    assert len(runs_of(offline_client(), "alone")) == 4


def test_offline_may_be_forbidden(nowhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("MLFLOW_TRACKING_URI", nowhere),
        ("RUNNER_OFFLINE", "0"),
        ("RUNNER_HTTP_DEADLINE_S", "0.3"),
    ):
        monkeypatch.setenv(name, value)

    with pytest.raises(TransportError):
        tracking.start_run()
    assert offline.stores_in(journal_folder()) == []


def test_a_run_that_has_not_ended_is_sent_as_far_as_it_is_and_again_when_it_has(
    client: TrackingClient, scripts: Scripts, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = f"open {os.urandom(4).hex()}"
    monkeypatch.setenv("RUNNER_OFFLINE", "1")
    tracking.set_experiment(experiment)
    with tracking.start_run() as run:
        tracking.log_metric("loss", 3.0, step=1)
        run.flush()
        done = scripts.run("from runner.cli.main import main; main()", "sync", RUNNER_OFFLINE=None)
        assert "1 offline run not ended yet" in done.stdout, done.stderr
        tracking.log_metric("loss", math.inf, step=2)
    assert client.get_run(run.info.run_id).info.status == "RUNNING"

    done = scripts.run("from runner.cli.main import main; main()", "sync", RUNNER_OFFLINE=None)

    assert "replayed 1 offline run" in done.stdout, done.stderr
    assert client.get_run(run.info.run_id).info.status == "FINISHED"
    assert [point.step for point in client.get_metric_history(run.info.run_id, "loss")] == [1, 2]


def test_a_replay_to_a_server_that_is_away_says_what_stays(scripts: Scripts, nowhere: str) -> None:
    scripts.run(FAMILY, "stays", RUNNER_OFFLINE="1", MLFLOW_TRACKING_URI=nowhere)

    done = scripts.run("from runner.cli.main import main; main()", "sync", RUNNER_HTTP_DEADLINE_S="0.3")

    assert done.returncode == 3
    assert "run `runner sync` again when the server answers" in done.stderr
    assert len(runs_of(offline_client(), "stays")) == 4


def test_nothing_is_sent_while_offline_is_asked_for(scripts: Scripts) -> None:
    done = scripts.run("from runner.cli.main import main; main()", "sync", RUNNER_OFFLINE="1")

    assert done.returncode == 2
    assert "unset RUNNER_OFFLINE" in done.stderr


def test_replaying_counts_what_waits(client: TrackingClient, scripts: Scripts) -> None:
    scripts.run(FAMILY, f"waits {os.urandom(4).hex()}", RUNNER_OFFLINE="1")
    replay = Replay(source=offline_client(), target=client)
    assert replay.waiting() == 4

    replay.all_runs()

    assert (replay.replayed, replay.unfinished, replay.waiting()) == (4, 0, 0)
