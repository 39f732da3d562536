"""Trials run the sources as they stood when the sweep began, wherever those came from."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tests.e2e.gated_sweeps import SWEEP, TRAIN, Gate
from tests.e2e.sweeps import LOCAL, declared, the_sweep, trials_of
from tests.e2e.terminal import User, git, wait_until
from tests.tracking_client.servers import stop_server
from tracking_client import offline
from tracking_client.journal_folder import journal_folder
from tracking_client.tracking_uri import LocalStore

READS_DATA = """
import sys
import tracking_client as mlflow
factor = float(open("data/factor.txt").read())
with open("result.txt", "w") as file:
    file.write(sys.argv[1])
mlflow.log_metric("loss", factor * float(sys.argv[1]))
"""
QUICK = """
import sys
import tracking_client as mlflow
mlflow.log_metric("loss", float(sys.argv[1]) ** 2)
"""


def test_edits_made_while_a_sweep_runs_reach_no_trial(user: User, repository_of: Callable[..., Path]) -> None:
    files = declared(SWEEP, train=TRAIN)
    files["train.py"] += "    from model import VERSION\n    mlflow.set_tag('version', VERSION)\n"
    files["model.py"] = "VERSION = 'old'\n"
    repository = repository_of(files)
    commit = git(repository, "rev-parse", "HEAD")
    (repository / "model.py").write_text("VERSION = 'old, edited'\n")
    gate = Gate(user, user.directory / "gate")
    runner = user.start("run", "-e", "find", "repository", *LOCAL, GATE=str(gate.path))
    try:
        wait_until(lambda: gate.waiting() == 2 or runner.poll() is not None, 60)
        (repository / "model.py").write_text("VERSION = 'new'\n")
        (repository / "train.py").write_text("raise SystemExit('new')\n")
        (repository / "MLproject").write_text("name: nothing is left\n")
        git(repository, "commit", "-qam", "second")
    finally:
        gate.open()
        _, err = runner.communicate(timeout=90)

    assert runner.returncode == 0, err
    runs = [run for attempts in trials_of(user, the_sweep()).values() for run in attempts]
    assert [run.data.tags["version"] for run in runs] == ["old, edited"] * 6
    parent = user.client.get_run(the_sweep().folder.run_id)
    assert {run.data.tags["mlflow.source.git.commit"] for run in (parent, *runs)} == {commit}
    assert "'old, edited'" in user.artifact(parent, "runner/source/dirty.patch", user.directory)


def test_ignored_data_is_read_where_it_is_and_what_trials_write_is_kept_apart(
    user: User, repository_of: Callable[..., Path]
) -> None:
    files = {**declared(SWEEP, train=READS_DATA), ".gitignore": "data/\n", "data/factor.txt": "2"}
    repository = repository_of(files)

    done = user.types("run", "-e", "find", "repository", *LOCAL)

    assert done.code == 0, done.err
    assert not (repository / "result.txt").exists()
    assert git(repository, "status", "--porcelain") == ""
    kept = the_sweep()
    for number, (run,) in trials_of(user, kept).items():
        x = run.data.params["x"]
        assert run.data.metrics["loss"] == 2 * float(x)
        assert (kept.folder.trials / f"trial-{number + 1:03}" / "result.txt").read_text() == x


def test_a_sweep_runs_from_the_address_of_a_repository(
    user: User, repository_of: Callable[..., Path]
) -> None:
    repository = repository_of(declared(SWEEP, train=QUICK))
    commit = git(repository, "rev-parse", "HEAD")
    (repository / "train.py").write_text("raise SystemExit('not what was asked for')\n")
    git(repository, "commit", "-qam", "second")

    done = user.types("run", "-e", "find", repository.as_uri(), "-v", commit[:10], *LOCAL)

    assert done.code == 0, done.err
    runs = [run for attempts in trials_of(user, the_sweep()).values() for run in attempts]
    assert len(runs) == 6
    assert {run.data.tags["mlflow.source.git.commit"] for run in runs} == {commit}


def test_a_sweep_without_a_server_is_sent_to_one_later(user: User, tmp_path: Path) -> None:
    user.project(declared(SWEEP, train=QUICK))
    store = LocalStore.at(tmp_path / "server" / "mlruns.db")
    store.database.parent.mkdir()
    away = {"MLFLOW_TRACKING_URI": "http://tracking.example.invalid", "RUNNER_OFFLINE": "1"}
    try:
        done = user.types("run", "-e", "find", "project", *LOCAL, **away)  # type: ignore[arg-type]
        synced = user.types("sync", "--to", store.uri)

        assert done.code == 0, done.err
        assert "find: 6 trials" in done.out
        assert synced.code == 0, synced.err
        there = User(directory=user.directory, environ={"MLFLOW_TRACKING_URI": store.uri})
        (parent,) = there.runs("tags.`runner.sweep` = 'find'")
        trials = there.runs(f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
        assert len(trials) == 6
        best = min(trials, key=lambda run: run.data.metrics["loss"])
        assert parent.data.tags["best_run"] == best.info.run_id
        assert parent.data.metrics["loss"] == best.data.metrics["loss"]
    finally:
        stop_server(store)
        for kept in offline.stores_in(journal_folder()):
            stop_server(LocalStore.of_database(kept.database))


def test_secrets_and_values_with_spaces_reach_trials_and_no_argument_of_a_process(user: User) -> None:
    files = declared("method: grid\nmetric: loss\nparameters: {x: [1, 2]}", train=QUICK)
    files["train.py"] += (
        "import os\nassert os.environ['MY_API_TOKEN'].startswith('s3cr3t-of')\nprint(os.environ['MY_API_TOKEN'])\n"
    )
    user.project(files)

    done = user.types("run", "-e", "find", "project", *LOCAL, MY_API_TOKEN="s3cr3t-of-this-test")

    assert done.code == 0, done.err
    folder = the_sweep().folder.path
    texts = [path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    assert texts
    assert not [text for text in texts if b"s3cr3t-of-this-test" in text]
    assert oct(os.stat(folder).st_mode & 0o777) == "0o700"
