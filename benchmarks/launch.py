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
from contextlib import ExitStack
from pathlib import Path

import environments
from environments import ROOT
from measurements import MEASUREMENTS, TRACKED, Bench, Row, Servers
from servers import serving


def main() -> None:
    """Measures what was asked for and prints it."""
    options = _read_options()
    with tempfile.TemporaryDirectory(prefix="runner-benchmark-") as folder, ExitStack() as stack:
        bench = Bench(
            ours=environments.ours(options.own_env, options.cache),
            peer=environments.peer(options.peer_env, options.cache),
            scratch=Path(folder),
            repeats=options.repeats or (3 if options.quick else 7),
            trials=options.trials or (2 if options.quick else 12),
            epochs=options.epochs or (4 if options.quick else 32),
            data=options.data.absolute() if options.data else Path(folder, "data.csv"),
        )
        _prepare(bench, own_data=options.data is None)
        servers: Servers = {}
        rows: list[Row] = []
        try:
            for name in options.only or MEASUREMENTS:
                print(f"measuring: {name} …", file=sys.stderr)
                if name in TRACKED and not servers:
                    for side in bench.sides:
                        store = bench.scratch / f"tracking-{side.name}"
                        servers[side.name] = stack.enter_context(serving(side, bench.home, store))
                rows += MEASUREMENTS[name](bench, servers)
        finally:
            # What was measured is worth showing, also where a later command failed.
            _print_table(rows)
            if options.json:
                options.json.write_text(_as_json(bench, rows), encoding="utf-8")


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures runner and mlflow side by side.")
    parser.add_argument("--quick", action="store_true", help="fewer repeats, a sweep of 2 trials of 4 epochs")
    parser.add_argument("--only", action="append", choices=MEASUREMENTS, help="may be repeated")
    parser.add_argument("--repeats", type=int, help="of each timed command, after one warm-up [7]")
    parser.add_argument("--trials", type=int, help="of the sweep [12]")
    parser.add_argument("--epochs", type=int, help="of each trial of the sweep [32]")
    parser.add_argument("--data", type=Path, help="a CSV file with ';' [numbers of the wine data's shape]")
    parser.add_argument("--own-env", type=Path, help="a virtual environment with runner and TensorFlow")
    parser.add_argument("--peer-env", type=Path, help="a virtual environment with mlflow and TensorFlow")
    parser.add_argument(
        "--cache", type=Path, default=ROOT / "build" / "benchmarks", help="or build them here"
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
        bench.data.write_text(data_table(), encoding="utf-8")


def data_table(rows: int = 4898, columns: int = 11) -> str:
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
    setup = {"repeats": bench.repeats, "trials": bench.trials, "epochs": bench.epochs}
    return json.dumps({"machine": machine, "setup": setup, "results": results}, indent=2) + "\n"


if __name__ == "__main__":
    main()
