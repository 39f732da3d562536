"""What is measured: each function times both sides in turns and gives rows of the table."""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from environments import Side
from servers import Running, serving
from stopwatch import Command, in_turns, median, output, seconds

SWEEP_TIMEOUT_S = 3600.0
SETTLE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table. `bar` is the most that `runner`, or the ratio, may be."""

    what: str
    unit: str
    runner: float
    mlflow: float
    bar: float
    bar_is_ratio: bool = False
    note: str = ""
    samples: dict[str, list[float]] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """What `runner` needs of what `mlflow` needs."""
        return self.runner / self.mlflow

    @property
    def met(self) -> bool:
        """Whether the bar is met."""
        return (self.ratio if self.bar_is_ratio else self.runner) <= self.bar


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What all measurements share: both sides, a scratch folder, the projects in it and the servers."""

    ours: Side
    peer: Side
    scratch: Path
    repeats: int
    trials: int
    epochs: int
    data: Path

    @property
    def home(self) -> Path:
        """An empty HOME."""
        return self.scratch / "home"

    @property
    def sides(self) -> tuple[Side, Side]:
        """Both."""
        return (self.ours, self.peer)

    def project(self, side: Side) -> Path:
        """The hyperparam project of a side."""
        return self.scratch / ("ours/examples/hyperparam" if side is self.ours else "mlflow_hyperparam")

    def command(
        self, side: Side, *argv: str, cwd: Path | None = None, server: Running | None = None
    ) -> Command:
        """A program of a side, tracking to `server`."""
        variables = {"MLFLOW_TRACKING_URI": server.uri} if server else {}
        return Command(
            argv=[str(side.bin / argv[0]), *argv[1:]],
            environ=side.environ(self.home, **variables),
            cwd=cwd or self.scratch,
            timeout_s=SWEEP_TIMEOUT_S,
        )


Servers = dict[str, Running]


def commands(bench: Bench, _: Servers) -> Iterator[Row]:
    """Starting the program, and the client."""
    version = {side.name: bench.command(side, side.name, "--version") for side in bench.sides}
    yield _row("--version", in_turns(version, repeats=bench.repeats), bar=0.15)
    # Naming functions loads what a lazy import put off.
    script = "import {} as client; client.start_run, client.log_metric, client.log_artifact"
    client = {
        "runner": bench.command(bench.ours, "python", "-c", script.format("tracking_client")),
        "mlflow": bench.command(bench.peer, "python", "-c", script.format("mlflow")),
    }
    yield _row("import of the client", in_turns(client, repeats=bench.repeats), bar=0.12)


def noop(bench: Bench, servers: Servers) -> Iterator[Row]:
    """A project that does nothing, against a running server."""
    launch = ("run", "--env-manager", "local", str(bench.scratch / "noop"))
    both = {
        side.name: bench.command(side, side.name, *launch, server=servers[side.name]) for side in bench.sides
    }
    yield _row("no-op project", in_turns(both, repeats=bench.repeats), bar=0.15, bar_is_ratio=True)


def server(bench: Bench, _: Servers) -> Iterator[Row]:
    """A server of a new store: time to its first answer, memory at rest."""
    start: dict[str, list[float]] = {"runner": [], "mlflow": []}
    memory: dict[str, list[float]] = {"runner": [], "mlflow": []}
    processes = {}
    for turn in range(1 + min(bench.repeats, 3)):
        for side in bench.sides:
            with serving(side, bench.home, bench.scratch / f"server-{side.name}-{turn}") as running:
                if turn == 0:
                    continue
                start[side.name].append(running.start_s)
                time.sleep(SETTLE_S)
                memory[side.name].append(running.memory_mb())
                processes[side.name] = running.processes()
    yield _row("server: first answer", start, bar=1.0)
    note = f"{processes['runner']} process, mlflow {processes['mlflow']}"
    yield _row("server: idle memory", memory, bar=150.0, unit="MB", note=note)


def trial(bench: Bench, servers: Servers) -> Iterator[Row]:
    """What launching a training as a tracked run costs over `python train.py` by hand, both tracked."""
    overhead = {}
    for side in bench.sides:
        data, options = str(bench.data), ["--epochs", "1", "--learning-rate", "0.01", "--momentum", "0.0"]
        given = ["--training-data", data] if side is bench.ours else [data]
        bare = ["python", "train.py", *given, *options, "--batch-size", "16", "--seed", "1"]
        launched = [side.name, "run", "--env-manager", "local", "-e", "train", "."]
        for pair in (f"training_data={data}", "epochs=1", "learning_rate=0.01", "momentum=0.0", "seed=1"):
            launched += ["-P", pair]
        cwd, to = bench.project(side), servers[side.name]
        taken = in_turns(
            {
                "bare": bench.command(side, *bare, cwd=cwd, server=to),
                "launched": bench.command(side, *launched, cwd=cwd, server=to),
            },
            repeats=bench.repeats,
        )
        overhead[side.name] = [b - a for a, b in zip(taken["bare"], taken["launched"], strict=True)]
    yield _row("one trial over bare train.py", overhead, bar=0.3)


def launches(bench: Bench, servers: Servers) -> Iterator[Row]:
    """What a launch from Python costs over the bare script: what each trial of a sweep pays."""
    over_bare: dict[str, list[float]] = {}
    for side in bench.sides:
        argv = ["python", "launches.py", side.name, str(bench.repeats)]
        command = bench.command(side, *argv, cwd=bench.scratch / "noop", server=servers[side.name])
        over_bare[side.name] = json.loads(output(command).splitlines()[-1])
    yield _row("one launch of a sweep over the bare script", over_bare, bar=0.3)


def sweep(bench: Bench, servers: Servers) -> Iterator[Row]:
    """The hyperopt sweep: ours side by side and one by one, MLflow's example one by one as it is."""
    taken = {}
    for name, side, more in (
        ("mlflow", bench.peer, []),
        ("runner", bench.ours, ["-P", "parallel=2"]),
        ("runner, sequential", bench.ours, ["-P", "parallel=1"]),
    ):
        argv = [side.name, "run", "--env-manager", "local", "-e", "hyperopt", ".", *more]
        for pair in (f"training_data={bench.data}", f"max_runs={bench.trials}", f"epochs={bench.epochs}"):
            argv += ["-P", pair]
        taken[name] = seconds(bench.command(side, *argv, cwd=bench.project(side), server=servers[side.name]))
        print(f"  {name}: {taken[name]:.1f} s, {_statuses(servers[side.name])}", file=sys.stderr)
    what = f"sweep, {bench.trials} x {bench.epochs} epochs"
    for name, shown in (("runner", "2 in parallel"), ("runner, sequential", "one by one")):
        samples = {"runner": [taken[name]], "mlflow": [taken["mlflow"]]}
        bar = 0.45 if name == "runner" else 1.0
        yield _row(f"{what}, {shown}", samples, bar=bar, bar_is_ratio=True)


def _statuses(running: Running) -> dict[str, int]:
    """How many runs of the server are in which state."""
    body = json.dumps({"experiment_ids": ["0"], "max_results": 10_000}).encode()
    request = urllib.request.Request(
        f"{running.uri}/api/2.0/mlflow/runs/search", data=body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        runs = json.load(answer)["runs"]
    counts: dict[str, int] = {}
    for run in runs:
        counts[run["info"]["status"]] = counts.get(run["info"]["status"], 0) + 1
    return counts


def _row(
    what: str,
    taken: dict[str, list[float]],
    *,
    bar: float,
    bar_is_ratio: bool = False,
    unit: str = "s",
    note: str = "",
) -> Row:
    return Row(
        what=what,
        unit=unit,
        runner=median(taken["runner"]),
        mlflow=median(taken["mlflow"]),
        bar=bar,
        bar_is_ratio=bar_is_ratio,
        note=note,
        samples=taken,
    )


MEASUREMENTS: dict[str, Callable[[Bench, Servers], Iterator[Row]]] = {
    "commands": commands,
    "server": server,
    "noop": noop,
    "launches": launches,
    "trial": trial,
    "sweep": sweep,
}
TRACKED = ("noop", "launches", "trial", "sweep")
"""Those that need servers."""
