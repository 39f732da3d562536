"""Sweeps as a user runs them: a project whose trials take as long as a test likes, and the processes behind one."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from runner.sweeping.again import KeptSweep, read_sweep
from runner.sweeping.folder import sweep_folders
from tests.e2e.terminal import User
from tracking_client.wire.entities import Run

LOCAL = ("--env-manager", "local")

TRAIN = """
import math, sys, time
import tracking_client as mlflow
x, seconds = float(sys.argv[1]), float(sys.argv[2])
with mlflow.start_run():
    for step in range(3):
        mlflow.log_metric("loss", (x - 1) ** 2 + 2 - step, step=step)
        time.sleep(seconds / 3)
"""

ENTRY_POINT = """
entry_points:
  train:
    parameters:
      x: float
      seconds: {type: float, default: 0.0}
    command: python train.py {x} {seconds}
"""


def declared(sweep: str, *, train: str = TRAIN) -> dict[str, str]:
    """The files of a project with the sweep `find`, whose fields are `sweep`, as YAML."""
    indented = "".join(f"    {line}\n" for line in sweep.strip().splitlines())
    return {
        "MLproject": f"{ENTRY_POINT}sweeps:\n  find:\n    entry_point: train\n{indented}",
        "train.py": train,
    }


def state() -> Path:
    """Where `runner` keeps its state in this test."""
    return Path(os.environ["HOME"]) / ".local/state/runner"


def kept_sweeps() -> list[KeptSweep]:
    """The sweeps of this machine, the latest first."""
    return [read_sweep(folder) for folder in sweep_folders(state())]


def the_sweep() -> KeptSweep:
    """The only sweep of this machine."""
    (kept,) = kept_sweeps()
    return kept


def trials_of(user: User, kept: KeptSweep) -> dict[int, list[Run]]:
    """The tracked runs of a sweep's trials: all attempts of each, the earliest first; not the baseline."""
    runs: dict[int, list[Run]] = {}
    for run in user.runs(f"tags.`mlflow.parentRunId` = '{kept.folder.run_id}'"):
        if "runner.baseline" in run.data.tags:
            continue
        runs.setdefault(int(run.data.tags["runner.sweep.trial"]), []).append(run)
    for attempts in runs.values():
        attempts.sort(key=lambda run: int(run.data.tags["runner.sweep.attempt"]))
    return dict(sorted(runs.items()))


def worker_process(kept: KeptSweep) -> psutil.Process | None:
    """The process that performs the sweep's trials, if there is one."""
    try:
        owner = json.loads((kept.folder.worker / "worker.lease").read_text())["owner"]
        return psutil.Process(owner["pid"])
    except (OSError, ValueError, KeyError, psutil.NoSuchProcess):
        return None


def programs(script: str = "train.py") -> Iterator[psutil.Process]:
    """The running trials' programs of this test."""
    for process in psutil.process_iter():
        try:
            if process.environ().get("HOME") != os.environ["HOME"] or process.pid == os.getpid():
                continue
            argv = process.cmdline()
            is_it = any(word == script or word.endswith(f"/{script}") for word in argv)
            if is_it and not any("guardian" in word for word in argv):
                yield process
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue


def summary_json(out: str) -> Mapping[str, object]:
    """What `--json` printed."""
    described: Mapping[str, object] = json.loads(out)
    return described
