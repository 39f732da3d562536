"""`runner.sweep()`: the same from a script."""

from __future__ import annotations

import json
import signal

from tests.e2e.gated_sweeps import closed_gate
from tests.e2e.sweeps import declared, programs, the_sweep
from tests.e2e.terminal import User, wait_until

SWEEP = """
method: random
metric: {name: loss, goal: minimize}
parameters: {x: {min: -5, max: 5}}
max_trials: 4
parallel: 2
seed: 7
"""
QUICK = """
import sys
import tracking_client as mlflow
if float(sys.argv[2]):
    raise ValueError("told to")
mlflow.log_metric("loss", (float(sys.argv[1]) - 1) ** 2)
"""
RESULT = """
import json, sys
import runner
result = runner.sweep("project", "find", env_manager="local", **json.loads(sys.argv[1]))
print(json.dumps({
    "run_id": result.run_id, "state": result.state, "status": result.status.value, "true": bool(result),
    "best": [dict(result.best_params or {}), result.best_value, result.best_run_id],
    "trials": [[t.number, dict(t.params), t.result.values, list(t.run_ids)] for t in result.trials],
    "reason": result.reason,
}))
"""


def test_the_result_holds_the_best_and_every_trial(user: User) -> None:
    user.project(declared(SWEEP, train=QUICK))

    done = user.python(RESULT, json.dumps({"options": {"max_trials": 3, "metric.goal": "maximize"}}))

    assert done.code == 0, done.err
    result = json.loads(done.out.splitlines()[-1])
    assert (result["state"], result["status"], result["true"]) == ("finished", "FINISHED", True)
    values = {next(iter(trial[2])): trial for trial in result["trials"]}
    assert len(values) == 3
    best = values[max(values)]
    assert result["best"] == [best[1], max(values), best[3][-1]]
    parent = user.client.get_run(result["run_id"])
    assert parent.data.tags["best_run"] == best[3][-1]
    assert "mlflow.parentRunId" not in parent.data.tags


def test_trials_that_fail_do_not_raise(user: User) -> None:
    user.project(declared(SWEEP, train=QUICK))

    done = user.python(RESULT, json.dumps({"parameters": {"seconds": 1}}))

    assert done.code == 0, done.err
    result = json.loads(done.out.splitlines()[-1])
    assert (result["state"], result["true"]) == ("failed", False)
    assert result["best"] == [{}, None, None]
    assert "ValueError: told to" in result["reason"]


def test_under_an_active_run_the_sweep_is_nested(user: User) -> None:
    user.project(declared(SWEEP, train=QUICK))

    done = user.python(
        """
import runner, tracking_client as mlflow
with mlflow.start_run() as outer:
    result = runner.sweep("project", "find", env_manager="local", run_name="inner")
    mlflow.log_metric("best", result.best_value)
print(outer.info.run_id, result.run_id)
"""
    )

    assert done.code == 0, done.err
    outer, inner = done.out.split()[-2:]
    parent = user.client.get_run(inner)
    assert (parent.info.run_name, parent.data.tags["mlflow.parentRunId"]) == ("inner", outer)
    trials = user.runs(f"tags.`mlflow.parentRunId` = '{inner}'")
    assert len(trials) == 4
    assert user.client.get_run(outer).data.metrics["best"] == min(r.data.metrics["loss"] for r in trials)


def test_what_is_not_declared_is_refused_before_anything_starts(user: User) -> None:
    user.project(declared(SWEEP, train=QUICK))

    done = user.python(
        """
import runner
for name, options in (("train", {}), ("find", {"max_trails": 3})):
    try:
        runner.sweep("project", name, options=options, env_manager="local")
    except runner.RequestError as error:
        print(error, "|", error.hint)
"""
    )

    assert done.code == 0, done.err
    first, second = done.out.splitlines()
    assert "declares no sweep 'train'" in first
    assert "its sweeps: find" in first
    assert "max_trials" in second
    assert not (user.directory / "mlruns.db").exists()


def test_a_script_that_was_interrupted_goes_on_with_its_sweep(user: User) -> None:
    with closed_gate(user) as gate:
        script = 'import runner\nprint(runner.sweep("project", "find", env_manager="local").run_id)\n'
        (user.directory / "search.py").write_text(script)
        first = gate.start_python("search.py")
        run_id = the_sweep().folder.run_id

        first.send_signal(signal.SIGKILL)
        first.communicate()
        gate.open()
        done = user.python(script, GATE=str(gate.path))

        assert done.code == 0, done.err
        assert done.out.split()[-1] == run_id
        assert the_sweep().state == "finished"


def test_ctrl_c_in_a_script_stops_the_sweep_which_can_be_resumed(user: User) -> None:
    with closed_gate(user) as gate:
        script = 'import runner\nprint(runner.sweep("project", "find", env_manager="local").run_id)\n'
        (user.directory / "search.py").write_text(script)
        first = gate.start_python("search.py")

        first.send_signal(signal.SIGINT)
        _, err = first.communicate(timeout=60)

        assert first.returncode in (1, 130, -signal.SIGINT), err
        assert "KeyboardInterrupt" in err
        wait_until(lambda: not list(programs()))
        kept = the_sweep()
        assert user.client.get_run(kept.folder.run_id).info.status == "KILLED"
        gate.open()
        resumed = user.types("sweep", "resume", kept.folder.run_id, GATE=str(gate.path))
        assert resumed.code == 0, resumed.err
        assert the_sweep().state == "finished"
