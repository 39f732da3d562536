"""Measures whether pages stay fast as a store grows from a thousand runs to a million, and prints one table.

What is asked, and how to read the answer, is written in README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import population
from questions import SCANS, Page, Pages

ROOT = Path(__file__).resolve().parent.parent
SIZES = (1_000, 10_000, 100_000, 1_000_000)
START_TIMEOUT_S = 30.0
FLAT = 2.0
FLOOR_MS = 5.0
"""Below this a ratio says more about the clock than about the store."""


def main() -> None:
    """Grows a store step by step, measures each, prints the table."""
    options = _read_options()
    folder = options.store or Path(tempfile.mkdtemp(prefix="runner-scale-"))
    folder.mkdir(parents=True, exist_ok=True)
    store = folder / "scale.db"
    sizes = [size for size in SIZES if size <= options.runs]
    table: dict[int, dict[str, list[float]]] = {}
    try:
        present = int((folder / "runs").read_text()) if (folder / "runs").exists() else 0
        if not present:
            population.make(store, folder / "artifacts")
        for size in sizes:
            if size < present:
                continue
            if size > present:
                began = time.perf_counter()
                population.grow(store, present, size)
                print(f"{size:,} runs after {time.perf_counter() - began:.0f} s", file=sys.stderr)
                present = size
                (folder / "runs").write_text(str(present))
            with _serving(store, folder) as (address, pid):
                table[size] = _measured(Pages(address, runs=size), options)
                print(
                    f"{size:,} runs: {_memory_mb(pid):.0f} MB resident, "
                    f"{store.stat().st_size / 1e6:.0f} MB store"
                )
        _print(table)
        if options.json:
            options.json.write_text(json.dumps(table, indent=2), encoding="utf-8")
    finally:
        if options.store is None:
            shutil.rmtree(folder)


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures pages of stores of 1k, 10k, 100k and 1M runs.")
    parser.add_argument("--runs", type=int, default=SIZES[-1], help="the largest store [1000000]")
    parser.add_argument("--repeats", type=int, default=40, help="of each request, after two not counted [40]")
    parser.add_argument("--store", type=Path, help="a folder to keep the store in; what is there is used")
    parser.add_argument("--only", help="requests whose name has this in it")
    parser.add_argument("--json", type=Path, help="write every sample to this file as well")
    return parser.parse_args()


@contextmanager
def _serving(store: Path, folder: Path) -> Iterator[tuple[tuple[str, int], int]]:
    """A server of the store, in a process of its own: its address and process id."""
    discovery = folder / "address.json"
    discovery.unlink(missing_ok=True)
    command = [sys.executable, "-m", "tracking_server", f"--backend-store-uri=sqlite:///{store}"]
    command += [f"--artifacts-destination={folder}/artifacts", f"--discovery-file={discovery}"]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        until = time.monotonic() + START_TIMEOUT_S
        while not discovery.exists():
            if process.poll() is not None or time.monotonic() > until:
                sys.exit("the server does not start")
            time.sleep(0.02)
        host, _, port = json.loads(discovery.read_text())["url"].removeprefix("http://").partition(":")
        yield (host, int(port)), process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _memory_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _measured(pages: Pages, options: argparse.Namespace) -> dict[str, list[float]]:
    samples: dict[str, list[float]] = {}
    for page in pages.all():
        if options.only and options.only not in page.name:
            continue
        samples[page.name] = _times_ms(page, options.repeats)
        print(f"  {page.name:50} {statistics.median(samples[page.name]):8.1f} ms", file=sys.stderr)
    pages.close()
    return samples


def _times_ms(page: Page, repeats: int) -> list[float]:
    taken: list[float] = []
    for turn in range(2 + repeats):
        began = time.perf_counter()
        page.ask(turn)
        if turn >= 2:
            taken.append((time.perf_counter() - began) * 1000)
        if sum(taken) > 20_000 and len(taken) >= 3:
            break
    return taken


def _print(table: dict[int, dict[str, list[float]]]) -> None:
    sizes = list(table)
    print(f"{'p50 / p99 in ms':50}" + "".join(f"{size:>18,}" for size in sizes) + f"{'growth':>9}")
    grown = 0
    for name in table[sizes[-1]]:
        values = "".join(
            f"{statistics.median(table[size][name]):9.1f} /{_p99(table[size][name]):7.1f}" for size in sizes
        )
        first, last = (max(FLOOR_MS, statistics.median(table[size][name])) for size in (sizes[0], sizes[-1]))
        flat = last / first <= FLAT
        grown += not flat and name not in SCANS
        verdict = "" if flat else "  a scan" if name in SCANS else "  GROWS"
        print(f"{name:50}{values}{last / first:8.1f}x{verdict}")
    print(f"Growth of medians; up to {FLOOR_MS:g} ms counts as {FLOOR_MS:g} ms. A search is of 50 runs.")
    print("flat" if not grown else f"NOT FLAT: {grown} of {len(table[sizes[-1]])}")


def _p99(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.99))]


if __name__ == "__main__":
    main()
