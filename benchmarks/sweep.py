"""Measures what a declared sweep costs beside its trials, with peers in the same run, and prints one table.

What is compared, and how, is written in README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import environments
from environments import ROOT, Side
from launch import data_table
from servers import Running, serving
from stopwatch import Command, output, seconds
from swept import Place, Swept, extended, sweep
from table import Row, print_table

SCRIPT = ("python", "noop.py", "0.5")
_TOOLS = ("optuna", "guild", "ray")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What all measurements share. `others` are the environments of further peers, by name."""

    ours: Side
    peer: Side
    others: dict[str, Side]
    server: Running
    scratch: Path
    data: Path
    options: argparse.Namespace

    def place(self, side: Side, project: str) -> Place:
        """A project of the scratch folder, tracking to our server."""
        return Place(side=side, home=self.home, project=self.scratch / project, server=self.server)

    @contextmanager
    def mlflows_place(self, project: str) -> Iterator[Place]:
        """The same for MLflow, with a server of its own make, which idles busily and so is up only then."""
        with (
            tempfile.TemporaryDirectory(dir=self.scratch) as folder,
            serving(self.peer, self.home, Path(folder, "store")) as server,
        ):
            yield Place(side=self.peer, home=self.home, project=self.scratch / project, server=server)

    @property
    def home(self) -> Path:
        """An empty HOME."""
        return self.scratch / "home"


def main() -> None:
    """Measures what was asked for and prints it."""
    options = _read_options()
    with tempfile.TemporaryDirectory(prefix="runner-benchmark-") as folder, ExitStack() as stack:
        scratch = Path(folder)
        ours = environments.ours(options.own_env, options.cache)
        peer = environments.peer(options.peer_env, options.cache)
        given = {name: getattr(options, f"{name}_env") for name in _TOOLS}
        _make_projects(scratch)
        bench = Bench(
            ours=ours,
            peer=peer,
            others={name: Side(name, path.absolute()) for name, path in given.items() if path},
            server=stack.enter_context(serving(ours, scratch / "home", scratch / "store")),
            scratch=scratch,
            data=options.data.absolute() if options.data else scratch / "data.csv",
            options=options,
        )
        if options.data is None:
            bench.data.write_text(data_table(), encoding="utf-8")
        rows: list[Row] = []
        try:
            for name in options.only or MEASUREMENTS:
                print(f"measuring: {name} …", file=sys.stderr)
                rows += MEASUREMENTS[name](bench)
        finally:
            print_table(rows)
            if options.json:
                options.json.write_text(json.dumps([row.as_json() for row in rows], indent=2) + "\n")


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures sweeps.")
    parser.add_argument("--only", action="append", choices=MEASUREMENTS, help="may be repeated")
    parser.add_argument("--trials", type=int, default=100, help="that do nothing, of each sweep [100]")
    parser.add_argument("--sleeps", type=int, default=1000, help="trials that sleep a second [1000]")
    parser.add_argument("--at-once", type=int, default=16, help="of these, side by side [16]")
    parser.add_argument("--max-trials", type=int, default=12, help="of the example's sweep [12]")
    parser.add_argument("--epochs", type=int, default=32, help="of each of its trials [32]")
    parser.add_argument("--data", type=Path, help="a CSV file with ';' [numbers of the wine data's shape]")
    parser.add_argument("--own-env", type=Path, help="a virtual environment with runner and TensorFlow")
    parser.add_argument("--peer-env", type=Path, help="a virtual environment with mlflow and TensorFlow")
    for name in _TOOLS:
        parser.add_argument(f"--{name}-env", type=Path, help=f"one with {name} [not measured]")
    cache = ROOT / "build" / "benchmarks"
    parser.add_argument("--cache", type=Path, default=cache, help="or build the first two here")
    parser.add_argument("--json", type=Path, help="write the results to this file as well")
    return parser.parse_args()


def _make_projects(scratch: Path) -> None:
    (scratch / "home").mkdir()
    peers, ignored = Path(__file__).parent / "peers", shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "examples" / "hyperparam", scratch / "hyperparam", ignore=ignored)
    for name in ("sweeps", "mlflow_hyperparam"):
        shutil.copytree(peers / name, scratch / name, ignore=ignored)
    for name in ("hyperparam", "sweeps", "mlflow_hyperparam"):
        git = ["git", "-C", str(scratch / name), "-c", "user.name=benchmark", "-c", "user.email=b@localhost"]
        (scratch / name / ".gitignore").write_text("__pycache__/\n", encoding="utf-8")
        for step in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "as measured"]):
            subprocess.run([*git, *step], check=True, timeout=60)


def overhead(bench: Bench) -> Iterator[Row]:
    """What a trial that does nothing takes beyond its interpreter."""
    count: int = bench.options.trials
    place = bench.place(bench.ours, "sweeps")
    taken = {
        (parallel, word): _beyond_the_script_ms(place, count, parallel, warm=word == "warm")
        for parallel in (1, 2)
        for word in ("warm", "cold")
    }
    for parallel in (1, 2):
        script_ms = 1000 * place.average_s("bare", count, parallel, *SCRIPT)
        yield Row(what=f"the script alone, {parallel} at once", unit="ms", runner=script_ms)
        with bench.mlflows_place("sweeps") as mlflows:
            # It takes seconds for each.
            mlflow_ms = 1000 * mlflows.average_s("mlflow", max(2, count // 20), parallel) - script_ms
        others = {name: _others_ms(bench, name, parallel) - script_ms for name in bench.others}
        for word, most in (("warm", 30), ("cold", 60)):
            yield Row(
                what=f"a trial beyond that, {parallel} at once, {word}",
                unit="ms",
                runner=taken[parallel, word],
                mlflow=mlflow_ms,
                most=most,
                note="; ".join(f"{name} {ms:,.0f} ms" for name, ms in others.items()),
            )


def _beyond_the_script_ms(place: Place, count: int, parallel: int, *, warm: bool) -> float:
    """The script by hand just before and just after the sweep: a machine has slow minutes."""
    before_s = place.average_s("bare", count, parallel, *SCRIPT)
    sweep_s = _noop_sweep(place, count, parallel, warm=warm).span_s / count
    after_s = place.average_s("bare", count, parallel, *SCRIPT)
    return 1000 * (sweep_s - (before_s + after_s) / 2)


def _noop_sweep(place: Place, count: int, parallel: int, *, warm: bool) -> Swept:
    options = ("--sweep", f"parallel={parallel}", "--sweep", f"warm={str(warm).lower()}")
    return extended(place, sweep(place, "noop", *options), count)


def _others_ms(bench: Bench, name: str, parallel: int) -> float:
    place = bench.place(bench.others[name], "sweeps")
    if name == "guild":
        # One trial after another is all it does.
        few: int = max(2, bench.options.trials // 5)
        values = ",".join(str((1 + number) / 1000) for number in range(few))
        batch = ("guild", "run", "noop.py", "-y", "--force-flags", f"alpha=[{values}]")
        return 1000 * seconds(place.command(*batch)) / few
    return 1000 * place.average_s(name, bench.options.trials, parallel, *SCRIPT)


def sleeping(bench: Bench) -> Iterator[Row]:
    """Many trials of a second, more at once than there are cores."""
    count, at_once = bench.options.sleeps, bench.options.at_once
    place = bench.place(bench.ours, "sweeps")
    began = sweep(place, "sleep", "--sweep", f"parallel={at_once}")
    taken = extended(place, began, count)
    ideal_s = count / at_once
    notes = [f"{taken.wall_s:.1f} s with the command's start and end"]
    for name in bench.others:
        if name != "guild":
            other = bench.place(bench.others[name], "sweeps")
            taken_s = count * other.average_s(name, count, at_once, "sh", "-c", "sleep 1", "0")
            notes.append(f"{name} {100 * (taken_s / ideal_s - 1):.1f} %")
    yield Row(
        what=f"{count:,} trials of 1 s, {at_once} at once, over {ideal_s:.1f} s",
        unit="%",
        runner=100 * (taken.span_s / ideal_s - 1),
        most=5,
        note="; ".join(notes),
    )


def example(bench: Bench) -> Iterator[Row]:
    """The example's sweep, MLflow's example, and the same trainings by hand."""
    options = bench.options
    place = bench.place(bench.ours, "hyperparam")
    given = ("-P", f"training_data={bench.data}", "-P", f"epochs={options.epochs}")
    taken = sweep(
        place, "tpe", *given, "--sweep", f"max_trials={options.max_trials}", "--sweep", "parallel=2"
    )
    alone_s = _by_hand_s(place, taken)
    with bench.mlflows_place("mlflow_hyperparam") as mlflows:
        argv = ("mlflow", "run", "--env-manager", "local", "-e", "hyperopt", ".", *given)
        mlflow_s = seconds(mlflows.command(*argv, "-P", f"max_runs={options.max_trials}"))
    what = f"example, {options.max_trials} x {options.epochs} epochs, 2 at once"
    yield Row(what=what, unit="s", runner=taken.wall_s, mlflow=mlflow_s, most_of_mlflow=0.33)
    yield Row(
        what="the same over its trainings by hand, 2 at once",
        unit="x",
        runner=taken.wall_s / alone_s,
        most=1.1,
        note=f"{alone_s:.1f} s by hand",
    )


def _by_hand_s(place: Place, taken: Swept) -> float:
    """The wall time of the sweep's trainings, two at a time, started by nothing but a loop."""
    orders: list[Command] = []
    for trial in sorted(taken.trials, key=lambda trial: int(trial["info"]["start_time"])):
        params = {param["key"]: param["value"] for param in trial["data"]["params"]}
        pairs = [(f"--{name.replace('_', '-')}", value) for name, value in params.items()]
        orders.append(place.command("python", "train.py", *(word for pair in pairs for word in pair)))
    started = time.perf_counter()
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(output, orders))
    return time.perf_counter() - started


def suggestions(bench: Bench) -> Iterator[Row]:
    """The table of `search_quality.py`: how long a suggestion takes as the history grows."""
    script = str(Path(__file__).with_name("search_quality.py"))
    environ = bench.ours.environ(bench.home)
    argv = [str(bench.ours.bin / "python"), script, "--only", "speed"]
    print(output(Command(argv=argv, environ=environ, cwd=bench.scratch, timeout_s=1200)))
    yield from ()


MEASUREMENTS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "overhead": overhead,
    "sleeping": sleeping,
    "example": example,
    "suggestions": suggestions,
}


if __name__ == "__main__":
    main()
