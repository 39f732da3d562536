"""Why a trial has no value: told of what real programs leave."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from runner.model.run import Outcome, RunStatus
from runner.model.sweep import Objective, Retries
from runner.model.trial import CAUSES, Cause
from runner.sweeping.failures import NOT_ITS_FAULT, Failure, Remains, failure_of, may_retry
from runner.sweeping.halting import counts_against_parameters
from runner.sweeping.memory_kills import memory_kills
from runner.sweeping.objectives import objective_values
from runner.sweeping.tracebacks import exception_of, likeness, traceback_of

LOSS = (Objective(metric="val_rmse"),)
RUN_ID = "0123456789abcdef0123456789abcdef"


def outcome_of(program: str, folder: Path, *arguments: str, name: str = "train.py") -> Outcome:
    """What perform() would say of this program."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(program)
    done = subprocess.run(
        [sys.executable, name, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    code = done.returncode
    reason = f"exit code {code}" if code >= 0 else f"ended by signal {-code}"
    return Outcome(
        run_id=RUN_ID,
        run_name="trial-001",
        status=RunStatus.FAILED if code else RunStatus.FINISHED,
        exit_code=code,
        seconds=1.0,
        tail=done.stdout + done.stderr,
        reason=reason,
    )


def failure(program: str, folder: Path, *, ended_for: str = "", kills: int = 0) -> Failure | None:
    outcome = outcome_of(program, folder)
    return failure_of(
        Remains(
            outcome=outcome, ended_for=ended_for, values=(0.5,), logged=("val_rmse",), memory_kills=kills
        ),
        LOSS,
    )


KILLED = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
TERMINATED = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"


@pytest.mark.parametrize(
    ("program", "kills", "cause", "said"),
    [
        ("", 0, None, ""),
        ("raise ValueError('bad rate')", 0, "crashed", "exit code 1: ValueError: bad rate"),
        ("raise SystemExit(3)", 0, "crashed", "exit code 3"),
        ("import os; os.abort()", 0, "crashed", "ended by signal 6"),
        ("bytearray(1 << 62)", 0, "out_of_memory", "it ran out of memory: MemoryError"),
        (
            "raise RuntimeError('CUDA out of memory. Tried to allocate 20 MiB')",
            0,
            "out_of_memory",
            "it ran out of memory: RuntimeError: CUDA out of memory. Tried to allocate 20 MiB",
        ),
        (KILLED, 1, "out_of_memory", "the kernel killed it because memory had run out"),
        (KILLED, 0, "lost", "something killed it with SIGKILL, and none of us did"),
        (TERMINATED, 0, "lost", "something killed it with SIGTERM, and none of us did"),
        ("import sys; sys.exit(137)", 0, "lost", "something killed it with SIGKILL, and none of us did"),
        ("import sys; sys.exit(137)", 2, "out_of_memory", "the kernel killed it because memory had run out"),
    ],
)
def test_a_program_that_ended_by_itself(
    program: str, kills: int, cause: Cause | None, said: str, tmp_path: Path
) -> None:
    found = failure(program, tmp_path, kills=kills)

    assert (found and (found.cause, found.reason)) == (cause and (cause, said))


def test_numpy_out_of_memory(tmp_path: Path) -> None:
    found = failure("import numpy; numpy.ones(1 << 58)", tmp_path)

    assert found is not None
    assert found.cause == "out_of_memory"
    assert "Unable to allocate" in found.reason


def test_who_was_stopped_is_told_apart_from_who_was_killed(tmp_path: Path) -> None:
    killed = replace(outcome_of(TERMINATED, tmp_path), status=RunStatus.KILLED, reason="stopped by SIGTERM")
    causes = {}
    for ended_for in ("", "timeout", "stopped", "early"):
        found = failure_of(Remains(outcome=killed, ended_for=ended_for, values=(0.5,)), LOSS)
        causes[ended_for] = found and found.cause

    assert causes == {"": "lost", "timeout": "timeout", "stopped": "stopped", "early": None}


def test_a_trial_stopped_early_that_has_no_value_yet_has_none() -> None:
    killed = Outcome(run_id=RUN_ID, run_name="", status=RunStatus.KILLED, exit_code=-15, seconds=3.0)

    found = failure_of(Remains(outcome=killed, ended_for="early", values=(math.nan,)), LOSS)

    assert found == Failure("diverged", "its val_rmse is nan")


def test_what_never_began_could_not_be_provided_and_who_has_no_outcome_is_lost() -> None:
    unstarted = Outcome(
        run_id=RUN_ID,
        run_name="",
        status=RunStatus.FAILED,
        exit_code=None,
        seconds=0.1,
        reason="no such program",
    )

    assert failure_of(Remains(outcome=unstarted), LOSS) == Failure("provision", "no such program")
    found = failure_of(Remains(outcome=None), LOSS)
    assert found is not None
    assert found.cause == "lost"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_an_objective_that_is_no_number_has_diverged(value: float, tmp_path: Path) -> None:
    well = outcome_of("", tmp_path)

    assert failure_of(Remains(outcome=well, values=(value,)), LOSS) == Failure(
        "diverged", f"its val_rmse is {value}"
    )


@pytest.mark.parametrize(
    ("logged", "said"),
    [
        ((), "it logged no metric 'val_rmse', and no other"),
        (("loss", "acc"), "it logged no metric 'val_rmse', but acc, loss"),
        (
            ("val_rsme", "loss"),
            "it logged no metric 'val_rmse', but loss, val_rsme; did you mean 'val_rsme'?",
        ),
    ],
)
def test_an_objective_that_was_never_logged_is_said_with_what_was(
    logged: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    well = outcome_of("", tmp_path)

    assert failure_of(Remains(outcome=well, values=(None,), logged=logged), LOSS) == Failure(
        "no_objective", said
    )


def test_the_last_of_several_tracebacks_is_shown(tmp_path: Path) -> None:
    program = (
        "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise ValueError('x\\ny') from error\n"
    )
    tail = "Epoch 1\n" + outcome_of(program, tmp_path).tail

    shown = traceback_of(tail)

    assert shown is not None
    assert shown.startswith("Traceback (most recent call last):\n")
    assert shown.endswith("ValueError: x")
    assert exception_of(tail) == "ValueError: x"
    assert traceback_of("Epoch 1\nEpoch 2\n") is None


ONE_FAULT = "import json, sys\ndef load(rate):\n    json.loads('{' + rate)\nload(sys.argv[1])\n"


def test_failures_of_one_fault_are_alike_whatever_the_parameters(tmp_path: Path) -> None:
    one = outcome_of(ONE_FAULT, tmp_path / "copies" / RUN_ID, "0.1", name="a b/train.py")
    other = replace(
        outcome_of(ONE_FAULT, tmp_path / "copies" / ("f" * 32), "xyz", name="a b/train.py"), run_id="f" * 32
    )

    assert likeness(one) == likeness(other)
    assert likeness(one).startswith("json.decoder.JSONDecodeError in ")
    assert likeness(one).endswith("train.py:3")


def test_failures_of_different_faults_are_not_alike(tmp_path: Path) -> None:
    programs = [
        "raise ValueError('x')",
        "\nraise ValueError('x')",
        "raise KeyError('x')",
        "if True\n",
        "import sys; sys.exit('no such file: a')",
        "import sys; sys.exit('no such file: b')",
        "import sys; sys.exit(4)",
    ]

    assert len({likeness(outcome_of(program, tmp_path)) for program in programs}) == len(programs)


def test_without_a_traceback_numbers_make_no_difference(tmp_path: Path) -> None:
    said = {
        likeness(outcome_of(f"import sys; sys.exit('rate {rate} at {address} is too large')", tmp_path))
        for rate, address in ((0.5, "0x7f01"), (1e-3, "0x7fa2"), (-12, "0x0"))
    }

    assert said == {"exit code 1: rate # at # is too large"}


def test_an_attempt_is_repeated_for_the_causes_that_were_named_and_so_often() -> None:
    retries = Retries(limit=2, on=frozenset({"lost", "timeout"}))

    assert [may_retry(retries, "lost", before) for before in range(4)] == [True, True, False, False]
    assert not may_retry(retries, "crashed", 0)
    assert not may_retry(retries, None, 0)


def test_a_searcher_is_told_of_what_the_parameters_can_be_blamed_for() -> None:
    assert {cause for cause in CAUSES if not counts_against_parameters(cause)} == set(NOT_ITS_FAULT)
    assert {"lost", "provision", "stopped"} == NOT_ITS_FAULT


@pytest.mark.parametrize(
    ("goal", "mode", "value"),
    [
        ("minimize", "last", 3.0),
        ("minimize", "best", 1.0),
        ("maximize", "best", 5.0),
        ("maximize", "min", 1.0),
        ("minimize", "max", 5.0),
    ],
)
def test_the_value_that_counts(goal: str, mode: str, value: float) -> None:
    objective = Objective(metric="val_rmse", goal=goal, mode=mode)  # type: ignore[arg-type]  # of a table
    asked: list[str] = []

    def history(metric: str) -> list[float]:
        asked.append(metric)
        return [2.0, math.nan, 1.0, math.inf, 5.0, 3.0]

    assert objective_values({"val_rmse": 3.0}, (objective,), history) == (value,)
    assert asked == ([] if mode == "last" else ["val_rmse"])


def test_a_value_that_is_not_there_and_one_that_never_was_a_number() -> None:
    best = Objective(metric="a", mode="best")

    assert objective_values({}, (best,), lambda _: []) == (None,)
    (value,) = objective_values({"a": math.nan}, (best,), lambda _: [math.nan, math.inf])
    assert value is not None
    assert math.isnan(value)


@pytest.mark.parametrize(
    ("files", "count"),
    [
        (
            {
                "proc/self/cgroup": "0::/user/slice\n",
                "sys/fs/cgroup/user/slice/memory.events": "oom 3\noom_kill 2\n",
            },
            2,
        ),
        ({"proc/self/cgroup": "0::/../gone\n", "sys/fs/cgroup/memory.events": "low 0\noom_kill 4\n"}, 4),
        (
            {
                "proc/self/cgroup": "5:cpu:/x\n3:memory:/docker/a\n",
                "sys/fs/cgroup/memory/docker/a/memory.oom_control": "under_oom 0\noom_kill 7\n",
            },
            7,
        ),
        ({"proc/self/cgroup": "0::/\n", "proc/vmstat": "nr_free_pages 1\noom_kill 1\n"}, 1),
        ({}, None),
    ],
)
def test_the_kernels_count_of_processes_killed_for_memory(
    files: dict[str, str], count: int | None, tmp_path: Path
) -> None:
    root = tmp_path / f"machine-{count}"  # where to read is kept by root, and pytest uses directories again
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)

    assert memory_kills(root=root) == count


def test_the_count_of_this_machine_does_not_fall() -> None:
    first = memory_kills()

    assert first is None or 0 <= first <= (memory_kills() or 0)
