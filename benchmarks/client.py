"""Measures the tracking clients of `runner` and of MLflow, in one run, and prints one table.

What is compared, and how, is written in README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import environments
from environments import ROOT, Side
from servers import Running, serving
from stopwatch import Command, in_turns, output
from table import Row, print_table

_PROGRAM = Path(__file__).parent / "load" / "logging_program.py"
_TIMEOUT_S = 900.0
Measured = dict[str, float]
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

    def measured(self, programs: Mapping[str, Sequence[str]], to: str | None = None) -> dict[str, Measured]:
        """What fresh processes say of themselves, medians of some, in turns; the other server stands still.

        `programs` are the arguments of what runs, by the client that runs it and, after a space, how.
        """
        found: dict[str, list[Measured]] = {name: [] for name in programs}
        with self._others_paused(to):
            for _ in range(self.repeats):
                for name, (what, *more) in programs.items():
                    client = name.partition(" ")[0]
                    printed = output(
                        self._command(client, str(_PROGRAM), what, _CLIENTS[client], *more, to=to)
                    )
                    found[name].append(json.loads(printed.splitlines()[-1]))
        return {
            name: {what: statistics.median(each[what] for each in samples) for what in samples[0]}
            for name, samples in found.items()
        }

    def script(self, source: str, to: str) -> dict[str, float]:
        """Seconds that a script takes with either client, from the start of its process to its end."""
        commands = {
            client: self._command(client, "-c", source.format(client=module), to=to)
            for client, module in _CLIENTS.items()
        }
        with self._others_paused(to):
            taken = in_turns(commands, repeats=self.repeats)
        return {client: statistics.median(samples) for client, samples in taken.items()}

    def _command(self, client: str, *arguments: str, to: str | None) -> Command:
        side = self.sides[client]
        variables = {} if to is None else {"MLFLOW_TRACKING_URI": self.servers[to].uri}
        return Command(
            argv=[str(side.bin / "python"), *arguments],
            environ=side.environ(self.home, **variables),
            cwd=self.scratch,
            timeout_s=_TIMEOUT_S,
        )

    @contextmanager
    def _others_paused(self, to: str | None) -> Iterator[None]:
        with ExitStack() as stack:
            for name, server in self.servers.items():
                if name != to:
                    stack.enter_context(server.paused())
            yield


def weight(bench: Bench) -> Iterator[Row]:
    """What importing the client takes."""
    found = bench.measured({client: ["weight"] for client in _CLIENTS})
    yield _row("import", "s", found, "import_s", most=0.10)
    yield _row("memory of import", "MB", found, "memory_mb", most=30.0)
    # What is put off until it is needed is in this one.
    script = "import {client} as client\nwith client.start_run(): client.log_metric('loss', 1.0)"
    taken = bench.script(script, to="runner")
    yield Row(
        what="a script that logs one value",
        unit="s",
        is_cost=True,
        runner=taken["runner"],
        mlflow=taken["mlflow"],
    )


def latency(bench: Bench) -> Iterator[Row]:
    """What one call of log_metric costs the training loop."""
    for to, least_calls in (("mlflow", 100), ("runner", 300)):
        # MLflow's asynchronous queue grows without limit, and its flush takes minutes where it is long.
        programs = {
            "runner": ["latency", "default", "100000"],
            "mlflow synchronous": ["latency", "default", str(least_calls)],
            "mlflow asynchronous": ["latency", "async", "500"],
        }
        found = bench.measured(programs, to=to)
        for peer in list(programs)[1:]:
            both = {"runner": found["runner"], "mlflow": found[peer]}
            what = f"log_metric to {to}'s server, {peer}"
            yield _row(f"{what}: median", "us", both, "median_us", most=5)
            yield _row(f"{what}: p99", "us", both, "p99_us", most=50)


def drain(bench: Bench) -> Iterator[Row]:
    """How fast what was logged reaches the server."""
    # MLflow's takes so long that its part is smaller.
    for to, metrics, few in (("runner", bench.metrics, 2000), ("mlflow", bench.metrics // 5, 1000)):
        found = bench.measured(
            {"runner": ["drain", "default", str(metrics)], "mlflow": ["drain", "async", str(few)]}, to=to
        )
        yield _row(
            f"drained to {to}'s server, mlflow async",
            "metrics/s",
            found,
            "per_s",
            least=100_000 if to == "runner" else None,
            least_ratio=20.0 if to == "mlflow" else None,
            note=f"{metrics:,} metrics, told at {found['runner']['told_per_s']:,.0f}/s; mlflow's {few:,}",
        )


def models(bench: Bench) -> Iterator[Row]:
    """What log_model takes of the example's network, once in a process, as a training does it."""
    for to in bench.servers:
        found = bench.measured({client: ["model"] for client in _CLIENTS}, to=to)
        yield _row(f"log_model to {to}'s server", "s", found, "first_s", most_of_mlflow=0.15)
        yield _row("  the same again", "s", found, "again_s", most_of_mlflow=0.15)


def _row(
    what: str,
    unit: str,
    found: Mapping[str, Measured],
    measured: str,
    *,
    least: float | None = None,
    least_ratio: float | None = None,
    most: float | None = None,
    most_of_mlflow: float | None = None,
    note: str = "",
) -> Row:
    return Row(
        what=what,
        unit=unit,
        runner=found["runner"][measured],
        mlflow=found["mlflow"][measured],
        least=least,
        least_ratio=least_ratio,
        most=most,
        most_of_mlflow=most_of_mlflow,
        note=note,
    )


MEASUREMENTS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "weight": weight,
    "latency": latency,
    "drain": drain,
    "models": models,
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
