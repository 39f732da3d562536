"""Measures how long people wait for a page of ours and of MLflow's in a real browser, and prints one table.

What is compared, and how, is written in README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import environments
import mlflow_copy
import population
from environments import ROOT, Side
from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import TimeoutError as GaveUp
from population import BIG, run_uuid
from servers import Running, serving
from table import Row, print_table

SIZES = (100, 10_000, 1_000_000)
TRIALS = 50
SERIES = 1_000
LONG_POINTS = 1_000_000
_QUIET_MS = 500
_GIVE_UP_MS = 180_000
_ENOUGH_MS = 60_000
_BEFORE_ASKING_MS = 150
"""Until then the browser is left alone with the page: questions from outside would take of its time."""
# Runs in the page, before anything of it: notes when the frame begins that follows the one in which the
# element is to be seen, counted from when the page was asked for.
_WATCH = """([element, text, nth]) => {
  if (window !== top) return;
  const isShown = (found) => {
    const box = found.getBoundingClientRect();
    return box.width > 0 && box.height > 0 && getComputedStyle(found).visibility !== "hidden";
  };
  const find = () => {
    if (!text) return document.querySelectorAll(element)[nth];
    const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (words.nextNode()) {
      if (words.currentNode.data.includes(text)) return words.currentNode.parentElement;
    }
  };
  const look = () => {
    const found = document.body && find();
    if (!found || !isShown(found)) return requestAnimationFrame(look);
    requestAnimationFrame(() => { window.wasSeenAfterMs = performance.now(); });
  };
  requestAnimationFrame(look);
}"""
_BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A page of one side: its address, and what can be seen once it is of use: an element, or a text in it.

    `nth` counts the elements, from 0.
    """

    path: str
    element: str = "body *"
    text: str = ""
    nth: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """The same question to both sides. `most_ms`: our own bar at each size of the store, if there is one."""

    name: str
    ours: View
    mlflows: View


@dataclass(frozen=True, slots=True)
class Look:
    """One load of a page, with nothing kept from before."""

    ms: float
    kilobytes: float


def pairs(runs: int) -> list[Pair]:
    """The pages that are measured on a store of so many runs."""
    newest = [run_uuid(number) for number in range(runs - 1, 0, -1) if number % 2][:10]
    one, sweep, wide, long = (
        newest[1],
        run_uuid(runs),
        run_uuid(runs + 1 + TRIALS),
        run_uuid(runs + 2 + TRIALS),
    )
    own, theirs = f"/experiments/{BIG}", f"/#/experiments/{BIG}/runs"
    several = "&".join(f"run={run}" for run in newest)
    listed = quote(json.dumps(newest))
    nested = quote(f"tags.`mlflow.parentRunId` = '{sweep}'")
    return [
        Pair(
            name="the runs table",
            ours=View(path=own, element=f'a[href="/runs/{newest[0]}"]'),
            mlflows=View(path=theirs, element=f'a[href*="/runs/{newest[0]}"]'),
        ),
        Pair(
            name="the runs table, sorted by a metric",
            ours=View(path=f"{own}?flat=1&order=metrics.%60loss%60+DESC", element="tr[data-run] a.name"),
            mlflows=View(
                path=f"{theirs}?orderByKey=metrics.%60loss%60&orderByAsc=false",
                element='a[href*="/runs/"]',
                nth=5,
            ),
        ),
        Pair(
            name="a run",
            ours=View(path=f"/runs/{one}", text="momentum"),
            mlflows=View(path=f"{theirs}/{one}", text="momentum"),
        ),
        Pair(
            name="a comparison of 10",
            ours=View(path=f"/compare?{several}", text="momentum"),
            mlflows=View(
                path=f"/#/compare-runs?runs={listed}&experiments={quote(json.dumps([str(BIG)]))}",
                text="momentum",
            ),
        ),
        Pair(
            name=f"a sweep of {TRIALS} (MLflow: charts of its runs)",
            ours=View(path=f"/runs/{sweep}/sweep", element="main svg"),
            mlflows=View(path=f"{theirs}?searchFilter={nested}&compareRunsMode=CHART", element=".main-svg"),
        ),
        Pair(
            name=f"charts of a run with {SERIES:,} metrics",
            ours=View(path=f"/runs/{wide}/charts", element="main svg"),
            mlflows=View(path=f"{theirs}/{wide}/model-metrics", element=".main-svg"),
        ),
        Pair(
            name=f"a chart of {LONG_POINTS:,} points",
            ours=View(path=f"/runs/{long}/charts", element="main svg"),
            mlflows=View(path=f"{theirs}/{long}/model-metrics", element=".main-svg"),
        ),
    ]


def main() -> None:
    """Makes stores, looks at their pages in turns, prints the table."""
    options = _read_options()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="runner-pages-") as folder, ExitStack() as stack:
        scratch = options.scratch or Path(folder)
        scratch.mkdir(parents=True, exist_ok=True)
        ours = environments.ours(options.own_env, options.cache)
        peer = None if options.without_mlflow else environments.peer(options.peer_env, options.cache)
        browser = stack.enter_context(_chromium())
        (Path(folder) / "home").mkdir()
        try:
            for runs in options.runs or SIZES:
                rows += _measured(
                    browser, ours, peer, scratch / str(runs), Path(folder) / "home", runs, options
                )
        finally:
            print_table(rows)
            if options.json:
                options.json.write_text(json.dumps([row.as_json() for row in rows], indent=2) + "\n")


def _read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures pages in a browser.")
    parser.add_argument(
        "--runs", type=int, action="append", help=f"the size of a store, repeatable {list(SIZES)}"
    )
    parser.add_argument("--only", help="pages whose name has this in it")
    parser.add_argument("--repeats", type=int, default=5, help="of each page [5]")
    parser.add_argument("--scratch", type=Path, help="keep the stores here; what is there is used")
    parser.add_argument("--own-env", type=Path, help="a virtual environment with runner")
    parser.add_argument("--peer-env", type=Path, help="a virtual environment with mlflow")
    parser.add_argument("--without-mlflow", action="store_true", help="measure our pages alone")
    parser.add_argument(
        "--cache", type=Path, default=ROOT / "build" / "benchmarks", help="or build both here"
    )
    parser.add_argument("--json", type=Path, help="write the results to this file as well")
    return parser.parse_args()


@contextmanager
def _chromium() -> Iterator[Browser]:
    program = next((found for name in _BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        sys.exit("needs Chromium: apt-get install chromium")
    options = ["--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=program, args=[*options, *as_root])
        yield browser
        browser.close()


def _measured(
    browser: Browser,
    ours: Side,
    peer: Side | None,
    folder: Path,
    home: Path,
    runs: int,
    options: argparse.Namespace,
) -> Iterator[Row]:
    own_store, peers_store = folder / "ours", folder / "mlflows"
    if not own_store.exists():
        _make_own(own_store, runs)
    if peer is not None and not peers_store.exists():
        with serving(peer, home, peers_store):
            pass
        mlflow_copy.copy(own_store / "mlruns.db", peers_store / "mlruns.db")
    with ExitStack() as stack:
        mine = stack.enter_context(serving(ours, home, own_store, is_new=False))
        others = None if peer is None else stack.enter_context(serving(peer, home, peers_store, is_new=False))
        for pair in pairs(runs):
            if options.only and options.only not in pair.name:
                continue
            # One after the other: MLflow's server is busy even where nobody asks.
            with nullcontext() if others is None else others.paused():
                own_looks = _looks(browser, mine, pair.ours, options.repeats)
            looks = None if others is None else _looks(browser, others, pair.mlflows, options.repeats)
            print(f"  {pair.name}: {own_looks[-1].ms:,.0f} ms", file=sys.stderr)
            yield from _rows(pair, runs, own_looks, looks)


def _rows(pair: Pair, runs: int, mine: list[Look], theirs: list[Look] | None) -> Iterator[Row]:
    most = {10_000: 300.0, 1_000_000: 1_000.0}.get(runs)
    took = [look.ms for look in mine]
    yield Row(
        what=f"{runs:,}: {pair.name}",
        unit="ms",
        runner=statistics.median(took),
        mlflow=None if theirs is None else statistics.median(look.ms for look in theirs),
        most=most,
        most_of_mlflow=0.2,
        note=f"{min(took):,.0f}-{max(took):,.0f} ms",
    )
    yield Row(
        what="    transferred",
        unit="kB",
        runner=statistics.median(look.kilobytes for look in mine),
        mlflow=None if theirs is None else statistics.median(look.kilobytes for look in theirs),
        is_cost=True,
    )


def _make_own(folder: Path, runs: int) -> None:
    folder.mkdir(parents=True)
    store = folder / "mlruns.db"
    print(f"making {runs:,} runs …", file=sys.stderr)
    population.make(store, folder / "artifacts")
    population.grow(store, 0, runs)
    population.add_sweep(store, runs, TRIALS)
    population.add_wide(store, runs + 1 + TRIALS, SERIES)
    population.add_long(store, runs + 2 + TRIALS, LONG_POINTS)


def _looks(browser: Browser, server: Running, view: View, repeats: int) -> list[Look]:
    """Loads a page again and again, each time as somebody who was never here; the first is not counted.

    A page that takes very long is loaded less often, at least once.
    """
    looks: list[Look] = []
    while len(looks) <= repeats and sum(look.ms for look in looks) < _ENOUGH_MS:
        looks.append(_look(browser, server.uri, view))
    return looks[1:] or looks


def _look(browser: Browser, uri: str, view: View) -> Look:
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        context.set_default_timeout(_GIVE_UP_MS)
        context.add_init_script(f"({_WATCH})({json.dumps([view.element, view.text, view.nth])})")
        page = context.new_page()
        received: list[float] = []
        session = context.new_cdp_session(page)
        session.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
        session.send("Network.enable")
        page.goto(uri + view.path, wait_until="commit")
        page.wait_for_timeout(_BEFORE_ASKING_MS)
        try:
            took_ms = page.wait_for_function("() => window.wasSeenAfterMs").json_value()
        except GaveUp:
            took_ms = _GIVE_UP_MS
            print(f"  {view.path}: nothing within {_GIVE_UP_MS / 1000:.0f} s", file=sys.stderr)
        _await_quiet(page, received)
        return Look(float(took_ms), sum(received) / 1000)


def _await_quiet(page: object, received: list[float]) -> None:
    """Until nothing was received for a while: what a page loads after its content counts as well."""
    before = -1
    while len(received) != before:
        before = len(received)
        page.wait_for_timeout(_QUIET_MS)  # type: ignore[attr-defined]  # the waiting lets events in


if __name__ == "__main__":
    main()
