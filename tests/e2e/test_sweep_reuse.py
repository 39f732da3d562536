"""What was run before is not run again where that is wished, and teaches the next sweep."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.e2e.sweeps import LOCAL, declared, kept_sweeps, trials_of
from tests.e2e.terminal import User, git

GRID = """
method: grid
metric: {name: loss, goal: minimize}
parameters:
  x: {values: [0.5, 1.0, 3.0]}
parallel: 2
reuse_finished: true
"""
QUICK = """
import sys
import tracking_client as mlflow
with mlflow.start_run():
    mlflow.log_metric("loss", (float(sys.argv[1]) - 1) ** 2)
"""


def test_finished_runs_of_the_same_code_and_parameters_count_as_trials(
    user: User, repository_of: Callable[[dict[str, str]], Path]
) -> None:
    folder = repository_of(declared(GRID, train=QUICK))
    single = user.types("run", "-e", "train", str(folder), *LOCAL, "-P", "x=1.0")
    assert single.code == 0, single.err
    earlier = user.run().info.run_id

    first = user.types("run", "-e", "find", str(folder), *LOCAL)

    assert first.code == 0, first.err
    (kept,) = kept_sweeps()
    results = {trial.params["x"]: trial.result for trial in kept.ledger.trials.values()}
    assert {x: result.reused for x, result in results.items() if result} == {
        0.5: False,
        1.0: True,
        3.0: False,
    }
    assert results[1.0] is not None
    assert (results[1.0].run_id, results[1.0].values) == (earlier, (0.0,))
    assert len(trials_of(user, kept)) == 2
    parent = user.client.get_run(kept.folder.run_id)
    assert parent.data.tags["runner.sweep.reused.trial-002"] == earlier
    assert parent.data.tags["best_run"] == earlier
    assert (parent.data.metrics["trials_finished"], parent.data.metrics["trials_reused"]) == (3, 1)
    assert user.client.get_run(earlier).data.tags.get("mlflow.parentRunId") is None

    second = user.types("run", "-e", "find", str(folder), *LOCAL)
    assert second.code == 0, second.err
    again = kept_sweeps()[0]
    assert again.folder.run_id != kept.folder.run_id
    assert again.ledger.reused == 3
    assert trials_of(user, again) == {}

    (folder / "train.py").write_text(QUICK + "# another program\n")
    changed = user.types("run", "-e", "find", str(folder), *LOCAL)
    assert changed.code == 0, changed.err
    assert kept_sweeps()[0].ledger.reused == 0
    git(folder, "commit", "-aqm", "second")
    committed = user.types("run", "-e", "find", str(folder), *LOCAL)
    assert committed.code == 0, committed.err
    assert kept_sweeps()[0].ledger.reused == 0


def test_a_run_counts_once_so_that_repeats_are_evaluations_of_their_own(
    user: User, repository_of: Callable[[dict[str, str]], Path]
) -> None:
    folder = repository_of(declared(GRID.replace("[0.5, 1.0, 3.0]", "[1.0]") + "repeats: 3\n", train=QUICK))
    for _ in range(2):
        assert user.types("run", "-e", "train", str(folder), *LOCAL, "-P", "x=1.0").code == 0

    done = user.types("run", "-e", "find", str(folder), *LOCAL)

    assert done.code == 0, done.err
    (kept,) = kept_sweeps()
    assert (len(kept.ledger.over), kept.ledger.reused) == (3, 2)


def test_sources_without_a_commit_are_run_again_and_that_is_said(user: User) -> None:
    user.project(declared(GRID, train=QUICK))
    for _ in range(2):
        done = user.types("run", "-e", "find", "project", *LOCAL)
        assert done.code == 0, done.err
        assert done.err.count("no finished run is reused") == 1
    assert [kept.ledger.reused for kept in kept_sweeps()] == [0, 0]


TPE = """
method: tpe
engine_options: {n_startup_trials: 3}
metric: {name: loss, goal: minimize}
parameters:
  x: {min: -5.0, max: 5.0}
max_trials: 4
seed: 1
deterministic: true
window: 1
"""


def test_a_sweep_starts_from_what_an_earlier_one_found_here_or_on_the_server(user: User) -> None:
    user.project(declared(TPE, train=QUICK))
    assert user.types("run", "-e", "find", "project", *LOCAL).code == 0
    (first,) = kept_sweeps()
    xs = {}
    for how, source in (("name", "find"), ("id", first.folder.run_id)):
        done = user.types(
            *("run", "-e", "find", "project", *LOCAL, "--new-sweep"),
            *("--sweep", f"warm_start={first.folder.run_id if how == 'id' else source}"),
        )
        assert done.code == 0, done.err
        kept = kept_sweeps()[0]
        assert kept.folder.run_id != first.folder.run_id
        tags = user.client.get_run(kept.folder.run_id).data.tags
        assert tags["runner.sweep.warm_start"] == first.folder.run_id
        xs[how] = [kept.ledger.points[number].params["x"] for number in range(4)]
        kept.folder.path.rename(kept.folder.path.parent.parent / f"kept-{how}")
    # The journal of the first is lost: the server still has its trials.
    first.folder.path.rename(first.folder.path.parent.parent / "kept-first")
    done = user.types(
        *("run", "-e", "find", "project", *LOCAL, "--new-sweep"),
        *("--sweep", f"warm_start={first.folder.run_id}"),
    )
    assert done.code == 0, done.err
    (kept,) = kept_sweeps()
    xs["server"] = [kept.ledger.points[number].params["x"] for number in range(4)]

    assert xs["name"] == xs["id"] == xs["server"]
    assert xs["id"][0] != first.ledger.points[0].params["x"]

    # What was learnt is in the journal: a resumed sweep knows it, and goes on in the same way.
    lines = kept.folder.journal.path.read_bytes().splitlines(keepends=True)
    assert lines[1].startswith(b'{"kind": "learned"')
    kept.folder.journal.path.write_bytes(b"".join(lines[:2]))
    resumed = user.types("sweep", "resume", kept.folder.run_id)
    assert resumed.code == 0, resumed.err
    (kept,) = kept_sweeps()
    assert [kept.ledger.points[number].params["x"] for number in range(4)] == xs["server"]


def test_a_sweep_to_start_from_that_nobody_knows_is_an_error_before_anything_is_recorded(user: User) -> None:
    user.project(declared(TPE + "warm_start: last-week\n", train=QUICK))

    done = user.types("run", "-e", "find", "project", *LOCAL)

    assert done.code == 2, done.err
    assert "no earlier sweep 'last-week'" in done.err
    assert user.runs() == []
