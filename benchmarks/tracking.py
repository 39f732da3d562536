"""Measures the tracking servers of `runner` and of MLflow under load, in one run, and prints one table.

What is compared, and how, is written in README.md beside this file.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import environments
import load_generator
import population
from environments import ROOT, Side
from questions import V2
from servers import Running, serving
from table import Row, print_table

SEARCHED_RUNS = 100_000
HISTORY_POINTS = 100_000
SEARCHES: dict[str, dict[str, Any]] = {
    "filter": {"filter": "metrics.loss < 0.5 and params.optimizer = 'adam'"},
    "filter, order": {
        "filter": "metrics.accuracy > 0.5 and params.optimizer = 'adam'",
        "order_by": ["metrics.loss ASC"],
    },
    "rare filter, order": {
        "filter": "metrics.loss < 0.001 and params.model = 'vit'",
        "order_by": ["params.lr DESC"],
    },
}


@dataclass(slots=True, kw_only=True)
class Client:
    """One connection to a server."""

    uri: str
    _connection: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, **fields: Any) -> bytes:
        """The body of the answer. Exits where it is an error."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection(urlsplit(self.uri).netloc, timeout=120)
        if method == "GET":
            self._connection.request("GET", f"{V2}/{path}?{urlencode(fields, doseq=True)}")
        else:
            headers = {"Content-Type": "application/json"}
            self._connection.request(method, f"{V2}/{path}", json.dumps(fields), headers)
        reply = self._connection.getresponse()
        body = reply.read()
        if reply.status != 200:
            sys.exit(f"{path} answered {reply.status}: {body[:1000].decode(errors='replace')}")
        return body

    def new_run(self) -> str:
        """The id of a run made now."""
        run = json.loads(self.ask("POST", "runs/create", experiment_id="0", start_time=1))
        return str(run["run"]["info"]["run_id"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Both sides, each with a server of an empty store, and how long each load takes."""

    sides: tuple[Side, Side]
    servers: dict[str, Running]
    home: Path
    scratch: Path
    seconds: float

    def load(self, script: str, connections: int, *, runs: int = 0) -> dict[str, load_generator.Load]:
        """The same load on both, one after the other; a short one before it is not counted."""
        found = {}
        for side in self.sides:
            uri = self.servers[side.name].uri
            arguments = [Client(uri=uri).new_run() for _ in range(runs)]
            (other,) = (server for name, server in self.servers.items() if name != side.name)
            with other.paused():
                for seconds in (1.0, self.seconds):
                    found[side.name] = load_generator.run(
                        script, uri, connections=connections, seconds=seconds, arguments=arguments
                    )
        return found


def start(bench: Bench) -> Iterator[Row]:
    """Until the first answer, and memory before any load."""
    ours, peer = (bench.servers[side.name] for side in bench.sides)
    yield Row(what="start to first answer", unit="s", runner=ours.start_s, mlflow=peer.start_s, most=1.0)
    yield Row(
        what="resident memory, idle", unit="MB", runner=ours.memory_mb(), mlflow=peer.memory_mb(), most=120.0
    )


def log_metric(bench: Bench) -> Iterator[Row]:
    """One point in a request."""
    for connections, least in ((1, 40.0), (32, 50.0)):
        found = bench.load("log_metric.lua", connections, runs=8)
        yield _rate(f"log-metric, {connections} connections", "req/s", found, least_ratio=least)


def log_batch(bench: Bench) -> Iterator[Row]:
    """A thousand points in a request."""
    for connections in (1, 4):
        found = bench.load("log_batch.lua", connections, runs=4)
        what = f"log-batch of 1000, {connections} connections"
        yield _rate(what, "metrics/s", found, each=1000, least_ratio=20.0, least=100_000)


def create(bench: Bench) -> Iterator[Row]:
    """Runs made."""
    for connections in (1, 32):
        found = bench.load("create_run.lua", connections)
        yield _rate(f"runs/create, {connections} connections", "req/s", found, least_ratio=30.0)


def _rate(
    what: str,
    unit: str,
    found: dict[str, load_generator.Load],
    *,
    each: int = 1,
    least: float | None = None,
    least_ratio: float | None = None,
) -> Row:
    note = ", ".join(f"{name} p50 {load.p50_ms:.1f} p99 {load.p99_ms:.1f} ms" for name, load in found.items())
    return Row(
        what=what,
        unit=unit,
        runner=found["runner"].per_s * each,
        mlflow=found["mlflow"].per_s * each,
        least=least,
        least_ratio=least_ratio,
        note=note,
    )


def history(bench: Bench) -> Iterator[Row]:
    """All points of one metric in one answer: as many of MLflow's as it takes in a while."""
    rates = {}
    for side in bench.sides:
        client = Client(uri=bench.servers[side.name].uri)
        run, points = client.new_run(), 0
        until = time.monotonic() + bench.seconds
        while points < HISTORY_POINTS and (side.name == "runner" or time.monotonic() < until):
            client.ask("POST", "runs/log-batch", run_id=run, metrics=_points(points))
            points += 1000
        times = []
        for _ in range(3):
            began = time.perf_counter()
            client.ask("GET", "metrics/get-history", run_id=run, metric_key="loss")
            times.append(time.perf_counter() - began)
        rates[side.name] = points / statistics.median(times)
    yield Row(
        what="get-history of 100,000 points",
        unit="points/s",
        runner=rates["runner"],
        mlflow=rates["mlflow"],
        note=f"{HISTORY_POINTS / rates['runner'] * 1000:.0f} ms; mlflow's of as many as it took in time",
    )


def _points(first: int) -> list[dict[str, object]]:
    return [
        {"key": "loss", "value": step / 7, "timestamp": 1_700_000_000_000 + step, "step": step}
        for step in range(first, first + 1000)
    ]


def memory(bench: Bench) -> Iterator[Row]:
    """Memory after all of that."""
    ours, peer = (bench.servers[side.name].memory_mb() for side in bench.sides)
    yield Row(what="resident memory, after the loads", unit="MB", runner=ours, mlflow=peer, most=250.0)


def search(bench: Bench) -> Iterator[Row]:
    """Searches over 100,000 runs, quiet and while points are being written. Ours alone: MLflow's store
    would take hours to fill.
    """
    directory = bench.scratch / "searched"
    directory.mkdir()
    population.make(directory / "mlruns.db", directory / "artifacts")
    population.grow(directory / "mlruns.db", 0, SEARCHED_RUNS)
    with contextlib.ExitStack() as stack:
        for idle in bench.servers.values():
            stack.enter_context(idle.paused())
        running = stack.enter_context(serving(bench.sides[0], bench.home, directory, is_new=False))
        client = Client(uri=running.uri)
        yield from _searches(client, "")
        runs = [client.new_run() for _ in range(8)]
        load = load_generator.start(
            "log_metric.lua", running.uri, connections=4, seconds=4 * bench.seconds, arguments=runs
        )
        try:
            yield from _searches(client, ", during writes")
        finally:
            load.terminate()
            load.communicate()


def _searches(client: Client, when: str) -> Iterator[Row]:
    for name, search in SEARCHES.items():
        times = []
        for turn in range(103):
            began = time.perf_counter()
            client.ask("POST", "runs/search", experiment_ids=[str(population.BIG)], max_results=100, **search)
            if turn >= 3:
                times.append((time.perf_counter() - began) * 1000)
        times.sort()
        yield Row(what=f"search, {name}{when}: p50", unit="ms", runner=times[50], most=50)
        yield Row(what=f"search, {name}{when}: p99", unit="ms", runner=times[98], most=200)


MEASUREMENTS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "start": start,
    "log-metric": log_metric,
    "log-batch": log_batch,
    "create": create,
    "history": history,
    "memory": memory,
    "search": search,
}


def main() -> None:
    """Measures what was asked for and prints it."""
    options = _read_options()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="runner-benchmark-", dir=options.scratch) as folder:
        scratch = Path(folder)
        ours = environments.ours(options.own_env, options.cache)
        peer = environments.peer(options.peer_env, options.cache)
        home = scratch / "home"
        home.mkdir()
        with (
            serving(ours, home, scratch / "runner") as our_server,
            serving(peer, home, scratch / "mlflow") as peer_server,
        ):
            bench = Bench(
                sides=(ours, peer),
                servers={ours.name: our_server, peer.name: peer_server},
                home=home,
                scratch=scratch,
                seconds=options.seconds,
            )
            print(_durability(scratch), file=sys.stderr)
            try:
                for name in options.only or MEASUREMENTS:
                    print(f"measuring: {name} …", file=sys.stderr)
                    rows += MEASUREMENTS[name](bench)
            finally:
                print_table(rows)
    if options.json:
        options.json.write_text(json.dumps([row.as_json() for row in rows], indent=2), encoding="utf-8")


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures the tracking servers of runner and mlflow.")
    parser.add_argument("--only", action="append", choices=MEASUREMENTS, help="may be repeated")
    parser.add_argument("--seconds", type=float, default=10, help="of each load on each side [10]")
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


def _durability(scratch: Path) -> str:
    """How each side's SQLite commits. FULL synchronises every commit in both journal modes."""
    modes = []
    for name in ("runner", "mlflow"):
        with sqlite3.connect(scratch / name / "mlruns.db") as connection:
            mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
        connection.close()
        modes.append(f"{name}: journal {mode}, synchronous FULL")
    return "; ".join(modes)


if __name__ == "__main__":
    main()
