"""Measures the tracking clients of `runner` and of MLflow, in one run, and prints one table.

What is compared, and how, is written in README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import environments
from environments import ROOT, Side
from servers import Running, serving
from stopwatch import Command, output
from table import Row, print_table

_PROGRAM = Path(__file__).parent / "load" / "logging_program.py"
_TIMEOUT_S = 900.0
_CLIENTS = {"runner": "tracking_client", "mlflow": "mlflow"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Both clients, and a server of each make with a store that is new."""

    sides: dict[str, Side]
    servers: dict[str, Running]
    home: Path
    scratch: Path
    repeats: int
    metrics: int

    def measured(self, client: str, what: str, *arguments: str, to: str | None = None) -> dict[str, float]:
        """What a fresh process of a client says of itself, medians of some. The other server stands still."""
        side = self.sides[client]
        variables = {} if to is None else {"MLFLOW_TRACKING_URI": self.servers[to].uri}
        command = Command(
            argv=[str(side.bin / "python"), str(_PROGRAM), what, _CLIENTS[client], *arguments],
            environ=side.environ(self.home, **variables),
            cwd=self.scratch,
            timeout_s=_TIMEOUT_S,
        )
        with ExitStack() as stack:
            for name, server in self.servers.items():
                if name != to:
                    stack.enter_context(server.paused())
            found = [json.loads(output(command).splitlines()[-1]) for _ in range(self.repeats)]
        return {name: statistics.median(each[name] for each in found) for name in found[0]}


def weight(bench: Bench) -> Iterator[Row]:
    """What importing the client takes."""
    ours, peer = (bench.measured(client, "weight") for client in _CLIENTS)
    yield Row(what="import", unit="s", runner=ours["import_s"], mlflow=peer["import_s"], most=0.10)
    yield Row(
        what="memory of import", unit="MB", runner=ours["memory_mb"], mlflow=peer["memory_mb"], most=30.0
    )


def latency(bench: Bench) -> Iterator[Row]:
    """What one call of log_metric costs the training loop."""
    for to, least_calls in (("mlflow", 100), ("runner", 300)):
        ours = bench.measured("runner", "latency", "default", "100000", to=to)
        # MLflow's asynchronous queue grows without limit, and its flush takes minutes where it is long.
        for how, calls in (("default", str(least_calls)), ("async", "500")):
            peer = bench.measured("mlflow", "latency", how, calls, to=to)
            kind = "synchronous" if how == "default" else "asynchronous"
            what = f"log_metric to {to}'s server, mlflow {kind}"
            yield Row(
                what=f"{what}: median", unit="us", runner=ours["median_us"], mlflow=peer["median_us"], most=5
            )
            yield Row(what=f"{what}: p99", unit="us", runner=ours["p99_us"], mlflow=peer["p99_us"], most=50)


def drain(bench: Bench) -> Iterator[Row]:
    """How fast what was logged reaches the server."""
    # MLflow's takes so long that its part is smaller.
    for to, metrics, few in (("runner", bench.metrics, 2000), ("mlflow", bench.metrics // 5, 1000)):
        ours = bench.measured("runner", "drain", "default", str(metrics), to=to)
        peer = bench.measured("mlflow", "drain", "async", str(few), to=to)
        yield Row(
            what=f"drained to {to}'s server, mlflow async",
            unit="metrics/s",
            runner=ours["per_s"],
            mlflow=peer["per_s"],
            least=100_000 if to == "runner" else None,
            least_ratio=20.0 if to == "mlflow" else None,
            note=f"{metrics:,} metrics, told at {ours['told_per_s']:,.0f}/s; mlflow's {few:,}",
        )


MEASUREMENTS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "weight": weight,
    "latency": latency,
    "drain": drain,
}


def main() -> None:
    """Measures what was asked for and prints it."""
    options = _read_options()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="runner-benchmark-", dir=options.scratch) as folder:
        scratch = Path(folder)
        sides = {
            "runner": environments.ours(options.own_env, options.cache),
            "mlflow": environments.peer(options.peer_env, options.cache),
        }
        home = scratch / "home"
        home.mkdir()
        with ExitStack() as stack:
            servers = {
                name: stack.enter_context(serving(side, home, scratch / name)) for name, side in sides.items()
            }
            bench = Bench(
                sides=sides,
                servers=servers,
                home=home,
                scratch=scratch,
                repeats=options.repeats,
                metrics=options.metrics,
            )
            try:
                for name in options.only or MEASUREMENTS:
                    print(f"measuring: {name} …", file=sys.stderr)
                    rows += MEASUREMENTS[name](bench)
            finally:
                print_table(rows)
    if options.json:
        options.json.write_text(json.dumps([row.as_json() for row in rows], indent=2), encoding="utf-8")


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures the tracking clients of runner and mlflow.")
    parser.add_argument("--only", action="append", choices=MEASUREMENTS, help="may be repeated")
    parser.add_argument("--repeats", type=int, default=3, help="of each program [3]")
    parser.add_argument("--metrics", type=int, default=100_000, help="that are drained [100,000]")
    parser.add_argument(
        "--scratch", type=Path, help="both stores are made here [the system's temporary folder]"
    )
    parser.add_argument("--own-env", type=Path, help="a virtual environment with runner")
    parser.add_argument("--peer-env", type=Path, help="a virtual environment with mlflow")
    parser.add_argument(
        "--cache", type=Path, default=ROOT / "build" / "benchmarks", help="or build them here"
    )
    parser.add_argument("--json", type=Path, help="write the results to this file as well")
    return parser.parse_args()


if __name__ == "__main__":
    main()
