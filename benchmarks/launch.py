"""Measures `runner` and `mlflow run` side by side and prints one table.

What is compared, and how, is written in README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import environments
from environments import ROOT, Side
from servers import Running, serving
from stopwatch import Command, in_turns, median, seconds

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
    for what, bar, ours, peer in (
        ("--version", 0.15, ("runner", "--version"), ("mlflow", "--version")),
        (
            "import of the client",
            0.12,
            ("python", "-c", "import tracking_client"),
            ("python", "-c", "import mlflow"),
        ),
    ):
        taken = in_turns(
            {"runner": bench.command(bench.ours, *ours), "mlflow": bench.command(bench.peer, *peer)},
            repeats=bench.repeats,
        )
        yield _row(what, taken, bar=bar)


def noop(bench: Bench, servers: Servers) -> Iterator[Row]:
    """A project that does nothing, against a running server."""
    taken = in_turns(
        {
            side.name: bench.command(
                side,
                side.name,
                "run",
                "--env-manager",
                "local",
                str(bench.scratch / "noop"),
                server=servers[side.name],
            )
            for side in bench.sides
        },
        repeats=bench.repeats,
    )
    yield _row("no-op project", taken, bar=0.15, bar_is_ratio=True)


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
    "trial": trial,
    "sweep": sweep,
}


def main() -> None:
    """Measures what was asked for and prints it."""
    options = _read_options()
    with tempfile.TemporaryDirectory(prefix="runner-benchmark-") as folder, ExitStack() as stack:
        bench = Bench(
            ours=environments.ours((options.own_env or options.cache / "runner").absolute()),
            peer=environments.peer((options.peer_env or options.cache / "mlflow").absolute()),
            scratch=Path(folder),
            repeats=options.repeats or (3 if options.quick else 7),
            trials=options.trials or (2 if options.quick else 12),
            epochs=options.epochs or (4 if options.quick else 32),
            data=options.data.absolute() if options.data else Path(folder, "data.csv"),
        )
        _prepare(bench, own_data=options.data is None)
        servers: Servers = {}
        rows = []
        for name in options.only or MEASUREMENTS:
            print(f"measuring: {name} …", file=sys.stderr)
            if name in ("noop", "trial", "sweep") and not servers:
                for side in bench.sides:
                    store = bench.scratch / f"tracking-{side.name}"
                    servers[side.name] = stack.enter_context(serving(side, bench.home, store))
            rows += list(MEASUREMENTS[name](bench, servers))
        _print_table(rows)
        if options.json:
            options.json.write_text(_as_json(bench, rows), encoding="utf-8")


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer repeats, a sweep of 2 trials of 4 epochs")
    parser.add_argument("--only", action="append", choices=MEASUREMENTS, help="may be repeated")
    parser.add_argument("--repeats", type=int, help="of each timed command, after one warm-up [7]")
    parser.add_argument("--trials", type=int, help="of the sweep [12]")
    parser.add_argument("--epochs", type=int, help="of each trial of the sweep [32]")
    parser.add_argument("--data", type=Path, help="a CSV file with ';' [numbers of the wine data's shape]")
    parser.add_argument(
        "--own-env", type=Path, help="a virtual environment with runner and the example's needs"
    )
    parser.add_argument(
        "--peer-env", type=Path, help="a virtual environment with mlflow and its example's needs"
    )
    parser.add_argument(
        "--cache", type=Path, default=ROOT / "build" / "benchmarks", help="where those are built"
    )
    parser.add_argument("--json", type=Path, help="write the results to this file as well")
    return parser.parse_args()


def _prepare(bench: Bench, *, own_data: bool) -> None:
    bench.home.mkdir()
    ignored = shutil.ignore_patterns("__pycache__")
    here = Path(__file__).parent / "peers"
    shutil.copytree(ROOT / "examples" / "hyperparam", bench.project(bench.ours), ignore=ignored)
    for name in ("noop", "mlflow_hyperparam"):
        shutil.copytree(here / name, bench.scratch / name, ignore=ignored)
    identity = ["-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost"]
    for name in ("ours", "noop", "mlflow_hyperparam"):
        git = ["git", "-C", str(bench.scratch / name), *identity]
        (bench.scratch / name / ".gitignore").write_text("__pycache__/\n", encoding="utf-8")
        for step in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "as measured"]):
            subprocess.run([*git, *step], check=True, timeout=60)
    if own_data:
        bench.data.write_text(_table(), encoding="utf-8")


def _table(rows: int = 4898, columns: int = 11) -> str:
    """Numbers with the shape of the wine data, and something to learn in them."""
    numbers = random.Random(1)
    lines = [";".join([*(f"c{column}" for column in range(columns)), "quality"])]
    for _ in range(rows):
        features = [numbers.gauss(0, 1) for _ in range(columns)]
        target = 6 + sum(features[:3]) * 0.4 + features[3] * features[4] * 0.3 + numbers.gauss(0, 0.5)
        lines.append(";".join(f"{value:.4f}" for value in [*features, target]))
    return "\n".join(lines) + "\n"


def _print_table(rows: list[Row]) -> None:
    print(f"{'':42}{'runner':>12}{'mlflow':>12}{'ratio':>8}  bar")
    for row in rows:
        bar = f"ratio {row.bar:g}" if row.bar_is_ratio else f"{row.bar:g} {row.unit}"
        verdict = "met" if row.met else "NOT MET"
        values = f"{row.runner:>9.3g} {row.unit:2}{row.mlflow:>9.3g} {row.unit:2}{row.ratio:>8.3f}"
        print(f"{row.what:42}{values}  {bar}: {verdict}{'  ' + row.note if row.note else ''}")


def _as_json(bench: Bench, rows: list[Row]) -> str:
    machine = {"python": platform.python_version(), "system": platform.platform(), "cores": os.cpu_count()}
    results = [
        {
            "what": row.what,
            "unit": row.unit,
            "runner": row.runner,
            "mlflow": row.mlflow,
            "ratio": row.ratio,
            "bar": row.bar,
            "bar_is_ratio": row.bar_is_ratio,
            "met": row.met,
            "note": row.note,
            "samples": row.samples,
        }
        for row in rows
    ]
    setup = {
        "repeats": bench.repeats,
        "trials": bench.trials,
        "epochs": bench.epochs,
        "data": bench.data.name,
    }
    return json.dumps({"machine": machine, "setup": setup, "results": results}, indent=2) + "\n"


if __name__ == "__main__":
    main()
