"""Sweeps of ours under measurement, and what their trials took by the server's own times."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from environments import Side
from servers import Running
from stopwatch import Command, output, seconds

TIMEOUT_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where sweeps run: the side, its empty HOME, the project, and the server that they track to."""

    side: Side
    home: Path
    project: Path
    server: Running

    def command(self, *argv: str) -> Command:
        """A program of the side in the project's directory."""
        return Command(
            argv=[str(self.side.bin / argv[0]), *argv[1:]],
            environ=self.side.environ(self.home, MLFLOW_TRACKING_URI=self.server.uri),
            cwd=self.project,
            timeout_s=TIMEOUT_S,
        )

    def average_s(self, tool: str, count: int, parallel: int, *command: str) -> float:
        """The seconds of a trial, run by `launches.py`."""
        argv = ("python", "launches.py", tool, str(count), str(parallel), *command)
        return float(output(self.command(*argv)).splitlines()[-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """A sweep that is over: its run, the wall time of its command, and its trials as the server has them."""

    run_id: str
    wall_s: float
    trials: Sequence[Mapping[str, Any]]

    @property
    def span_s(self) -> float:
        """From the start of the first trial to the end of the last one."""
        first = min(int(trial["info"]["start_time"]) for trial in self.trials)
        return (max(int(trial["info"]["end_time"]) for trial in self.trials) - first) / 1000


def sweep(place: Place, name: str, *more: str) -> Swept:
    """Runs a sweep of the project to its end."""
    started = seconds(
        place.command("runner", "run", "--quiet", "--env-manager", "local", "-e", name, ".", *more)
    )
    (parent,) = list(_found(place.server, "tags.`runner.sweep` LIKE '%'"))[:1]
    return _swept(place, parent["info"]["run_id"], started)


def extended(place: Place, before: Swept, trials: int) -> Swept:
    """Gives a sweep so many more trials; the result has these alone."""
    known = {trial["info"]["run_id"] for trial in before.trials}
    total = str(len(known) + trials)
    taken_s = seconds(
        place.command("runner", "sweep", "extend", "--quiet", before.run_id, "--max-trials", total)
    )
    after = _swept(place, before.run_id, taken_s)
    new = [trial for trial in after.trials if trial["info"]["run_id"] not in known]
    if len(new) != trials:
        raise SystemExit(f"{len(new)} trials ran, not {trials}")
    return Swept(run_id=before.run_id, wall_s=taken_s, trials=new)


def _swept(place: Place, run_id: str, wall_s: float) -> Swept:
    children = list(_found(place.server, f"tags.mlflow.parentRunId = '{run_id}'"))
    return Swept(run_id=run_id, wall_s=wall_s, trials=children)


def _found(server: Running, wanted: str) -> Iterator[dict[str, Any]]:
    """The runs that a filter finds, the newest first."""
    page = ""
    while True:
        body = {"experiment_ids": ["0"], "filter": wanted, "max_results": 1000, "page_token": page}
        request = urllib.request.Request(
            f"{server.uri}/api/2.0/mlflow/runs/search",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            found = json.load(answer)
        yield from found.get("runs", [])
        page = found.get("next_page_token", "")
        if not page:
            return
