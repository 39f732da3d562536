"""`runner run -e SWEEP`: what is typed, and what is read of it."""

from __future__ import annotations

import json
import re

import pytest

from tests.e2e.sweeps import LOCAL, declared, kept_sweeps, summary_json, the_sweep, trials_of
from tests.e2e.terminal import Done, User

SWEEP = """
method: random
metric: {name: loss, goal: minimize, mode: min}
parameters:
  x: {min: -5, max: 5}
  seconds: 0.0
baseline: {parameters: {x: 3}}
max_trials: 4
parallel: 2
seed: 7
"""
QUICK = """
import sys
import tracking_client as mlflow
mlflow.log_metric("loss", (float(sys.argv[1]) - 1) ** 2)
"""


def run(user: User, *arguments: str, sweep: str = "find") -> Done:
    return user.types("run", "-e", sweep, "project", *LOCAL, *arguments)


def test_every_end_of_a_trial_is_a_line_and_the_summary_is_alone_on_stdout(user: User) -> None:
    user.project(declared(SWEEP))

    done = run(user)

    assert done.code == 0, done.err
    kept = the_sweep()
    ledger = kept.ledger
    best = ledger.best_trial()
    assert best is not None
    x = {number: trial.params["x"] for number, trial in ledger.trials.items() if number >= 0}
    assert len(x) == 4
    loss = min((float(value) - 1) ** 2 for value in x.values())  # the loss of step 2
    lines = done.out.splitlines()
    assert re.fullmatch(r"find: 4 trials, in [\d.]+ s; finished", lines[0])
    assert [line.split() for line in lines[1:4]] == [
        ["best", best.name, "loss", f"{loss:.6g}"],
        ["run", best.run_ids[-1]],
        ["x", str(best.params["x"])],
    ]
    assert lines[4].split()[:2] == ["baseline", "4:"]
    assert len(lines) == 5
    err = done.err.splitlines()
    assert "find begins: 4 trials, 2 at once" in err
    for number, value in x.items():
        (line,) = [
            line for line in err if line.startswith(f"trial-00{number + 1} of 4  x={value:.4g}  loss ")
        ]
        assert re.search(r"  [\d.]+ s(  \(best so far\))?$", line)
    assert any(line.startswith("baseline  loss 4  ") for line in err)
    assert sum("(best so far)" in line for line in err) >= 1
    assert re.fullmatch(r"status       FINISHED in [\d.]+ s", err[-1])
    assert "\x1b" not in done.err + done.out


def test_with_json_stdout_holds_the_whole_outcome_and_nothing_else(user: User) -> None:
    user.project(declared(SWEEP, train=QUICK))

    done = run(user, "--json")

    assert (done.code, done.err) == (0, "")
    described = summary_json(done.out)
    kept = the_sweep()
    assert described["run_id"] == kept.folder.run_id
    assert (described["sweep"], described["state"], described["seed"]) == ("find", "finished", 7)
    assert (described["max_trials"], described["trials_over"], described["trials_failed"]) == (4, 4, 0)
    assert described["objectives"] == [{"metric": "loss", "goal": "minimize"}]
    trials: list[dict[str, object]] = described["trials"]  # type: ignore[assignment]
    assert [trial["name"] for trial in trials] == [
        "baseline", "trial-001", "trial-002", "trial-003", "trial-004",
    ]  # fmt: skip
    assert all(trial["status"] == "FINISHED" for trial in trials)
    best: dict[str, object] = described["best"]  # type: ignore[assignment]
    assert best["value"] == min(trial["values"][0] for trial in trials[1:])  # type: ignore[index]
    assert best["baseline"] == 4.0
    tracked = {run.info.run_id for run in user.runs()}
    assert {run_id for trial in trials for run_id in trial["run_ids"]} < tracked  # type: ignore[attr-defined]


def test_quiet_says_nothing_but_what_goes_wrong(user: User) -> None:
    user.project(declared(SWEEP, train=QUICK))

    assert run(user, "--quiet") == Done(0, "", "")
    assert the_sweep().state == "finished"


# The dry run.


def test_a_dry_run_shows_the_plan_and_starts_nothing(user: User) -> None:
    files = declared(
        SWEEP.replace("seconds: 0.0", "depth: {min: 1, max: 3}").replace("{x: 3}", "{x: 3, depth: 1}")
    )
    files["MLproject"] = files["MLproject"].replace("    command:", "      depth: int\n    command:", 1)
    user.project(files)

    done = run(user, "--dry-run")

    assert done.code == 0, done.err
    sections = re.split(r"^(\S.*)$", done.out, flags=re.MULTILINE)
    shown = dict(zip(sections[1::2], sections[2::2], strict=True))
    plan = dict(line.split(maxsplit=1) for line in shown["plan"].strip().splitlines())
    assert plan["sweep"] == "find"
    assert plan["objective"] == "minimize loss"
    assert plan["trials"] == "4"
    assert shown["space"].split() == ["x", "-5", "to", "5", "depth", "whole", "numbers", "1", "to", "3"]
    assert len(shown["first suggestions"].strip().splitlines()) == 4
    assert "depth  is searched, but the command does not use it" in shown["dead parameters"]
    assert "takes" not in done.out  # nothing is known of how long a trial takes
    assert not (user.directory / "mlruns.db").exists()
    assert not kept_sweeps()


@pytest.mark.parametrize("method", ["random", "grid", "tpe"])
def test_the_first_suggestions_of_a_dry_run_are_what_then_runs(user: User, method: str) -> None:
    user.project(
        declared(SWEEP.replace("random", method).replace("max: 5}", "max: 5, step: 2.5}"), train=QUICK)
    )

    planned = json.loads(run(user, "--dry-run", "--json").out)
    done = run(user)

    assert done.code == 0, done.err
    first = planned["first_suggestions"]
    ledger = the_sweep().ledger
    assert len(first) == 4
    # The random beginning of TPE is a third of the budget: one trial here, and then it learns.
    known = 1 if method == "tpe" else 4
    assert [dict(ledger.points[number].params) for number in range(known)] == first[:known]
    assert planned["trials"] == 4
    assert planned["dead_parameters"] == []


def test_a_dry_run_tells_the_time_by_earlier_runs(user: User) -> None:
    user.project(declared(SWEEP, train=QUICK))
    for _ in range(2):
        done = user.types("run", "-e", "train", "project", *LOCAL, "-P", "x=1")
        assert done.code == 0, done.err
    took = sorted((r.info.end_time or 0) - (r.info.start_time or 0) for r in user.runs())

    planned = json.loads(run(user, "--dry-run", "--json").out)
    shown = run(user, "--dry-run").out

    assert planned["seconds_from_runs"] == 2
    # Four trials, two at once: two turns.
    assert planned["seconds"] == pytest.approx(2 * sum(took) / 2 / 1000)
    assert re.search(r"takes about  .+, by 2 earlier runs", shown)


# Options.


def test_options_override_and_parameters_are_fixed(user: User) -> None:
    user.project(declared(SWEEP, train=QUICK.replace("(float(", "float(sys.argv[2]) * (float(")))

    done = run(
        user, "--sweep", "max_trials=3", "--sweep", "metric.goal=maximize", "-P", "seconds=-2.5", "--json"
    )

    assert done.code == 0, done.err
    described = summary_json(done.out)
    assert described["max_trials"] == 3
    assert described["objectives"] == [{"metric": "loss", "goal": "maximize"}]
    kept = the_sweep()
    runs = trials_of(user, kept)
    assert [runs[number][0].data.params["seconds"] for number in range(3)] == ["-2.5"] * 3
    best: dict[str, object] = described["best"]  # type: ignore[assignment]
    values = [run.data.metrics["loss"] for attempts in runs.values() for run in attempts if attempts]
    assert best["value"] == max(values)


def test_a_sweep_wins_over_the_entry_point_of_its_name_unless_that_alone_is_wanted(user: User) -> None:
    files = declared(SWEEP, train=QUICK)
    files["MLproject"] = files["MLproject"].replace("\n  find:\n", "\n  train:\n")
    user.project(files)

    swept = run(user, sweep="train")
    ran = run(user, "--entry-point-only", "-P", "x=1", sweep="train")

    assert (swept.code, ran.code) == (0, 0), swept.err + ran.err
    assert swept.out.startswith("train: 4 trials")
    assert len(user.runs()) == 1 + 5 + 1
    assert len(kept_sweeps()) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["-e", "fnd"], "find", id="a name that is not there"),
        pytest.param(["-e", "train", "--sweep", "max_trials=3"], "--sweep is for sweeps", id="no sweep"),
        pytest.param(
            ["-e", "train", "--new-sweep"], "--new-sweep is for sweeps", id="no sweep to begin anew"
        ),
        pytest.param(["-e", "find", "--sweep", "max_trails=3"], "max_trials", id="an option with a slip"),
        pytest.param(
            ["-e", "find", "--sweep", "max_trials=many"], "max_trials", id="a value that will not do"
        ),
        pytest.param(["-e", "find", "-P", "y=3"], "y", id="a parameter that is not there"),
        pytest.param(["-e", "find", "-P", "x=three"], "x", id="a parameter that is no number"),
        pytest.param(["-e", "find", "--run-id", "f" * 32], "run of its own", id="the run of somebody else"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_started(user: User, arguments: list[str], said: str) -> None:
    user.project(declared(SWEEP))

    done = user.types("run", "project", *arguments, *LOCAL)

    assert done.code == 2, done.err
    assert said in done.err
    assert "Traceback" not in done.err
    assert done.out == ""
    assert not (user.directory / "mlruns.db").exists()
    assert not kept_sweeps()


def test_a_broken_sweep_is_named_with_file_and_line_and_the_others_run(user: User) -> None:
    files = declared(SWEEP, train=QUICK)
    files["MLproject"] += (
        "  broken:\n    entry_point: train\n    metric: loss\n    parameters: {x: [1, 2]}\n    max_trials: 3\n    methd: grid\n"
    )
    folder = user.project(files)
    line = files["MLproject"].splitlines().index("    methd: grid") + 1

    broken = run(user, sweep="broken")

    assert broken.code == 2
    assert f"{folder}/MLproject:{line}:" in broken.err
    assert "did you mean 'method'?" in broken.err
    assert run(user).code == 0


def test_a_baseline_without_a_parameter_that_it_needs_is_said_before_anything_starts(user: User) -> None:
    user.project(declared(SWEEP.replace("{parameters: {x: 3}}", "{parameters: {seconds: 0}}"), train=QUICK))

    for arguments in ((), ("--dry-run",)):
        done = run(user, *arguments)
        assert done.code == 2
        assert "the baseline of sweep 'find': no value given for the required parameter 'x'" in done.err
        assert "add x to the baseline's parameters" in done.err
    assert not kept_sweeps()


def test_an_engine_that_nothing_provides_is_said_before_anything_is_recorded(user: User) -> None:
    user.project(declared(SWEEP.replace("method: random", "method: random\nengine: optuna"), train=QUICK))

    done = run(user)

    assert done.code == 2
    assert "builtin" in done.err
    assert not (user.directory / "mlruns.db").exists()


def test_a_metric_that_nobody_can_log_is_refused_with_file_and_line_before_anything_starts(
    user: User,
) -> None:
    folder = user.project(
        declared("method: random\nmetric: {name: lo'ss}\nparameters: {x: [1, 2]}\nmax_trials: 2")
    )
    line = (folder / "MLproject").read_text().splitlines().index("  find:") + 1

    done = run(user)

    assert done.code == 2
    assert f"{folder}/MLproject:{line}: sweep 'find': Invalid metric name: 'lo'ss'" in done.err
    assert kept_sweeps() == []
