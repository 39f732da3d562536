"""The page of a sweep, in a real browser on a real server."""

from __future__ import annotations

import math
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.tracking_server.browser.site import REPOSITORY, Site, axe_violations, too_wide, without_scripts

NOW_MS = int(time.time() * 1000)
PROJECT = """
entry_points:
  train:
    parameters:
      x: float
      lr: float
      opt: {type: string, default: sgd}
    command: python train.py {x} {lr} {opt}
sweeps:
  find:
    entry_point: train
    method: random
    metric: loss
    parameters:
      x: {min: -2, max: 2}
      lr: {min: 1e-4, max: 1e-1, log: true}
      opt: [sgd, adam]
    baseline: {parameters: {x: "2", lr: "0.1"}}
    early_terminate: {type: median, min_trials: 2}
    max_trials: 12
    parallel: 3
    seed: 3
"""
TRAIN = """
import math, os, sys, time
import tracking_client as mlflow
x, lr = float(sys.argv[1]), float(sys.argv[2])
with mlflow.start_run():
    for step in range(4):
        mlflow.log_metric("loss", x * x + abs(math.log10(lr) + 2) + 1 / (step + 1), step=step)
    gate = os.environ.get("GATE")
    deadline = time.monotonic() + 120
    while gate and not os.path.exists(gate) and time.monotonic() < deadline:
        time.sleep(0.02)
"""


def a_sweep(
    site: Site, name: str, count: int = 24, *, status: str = "FINISHED", budget: int | None = None
) -> tuple[str, list[str]]:
    """A sweep as `runner` records it, over x, lr (logarithmic) and opt; its run, and those of its trials."""
    chance = random.Random(4)
    experiment = site.experiment(name)
    tags = {
        "runner.sweep": "search",
        "runner.sweep.state": "running" if status == "RUNNING" else "finished",
        "runner.sweep.method": "tpe",
        "runner.sweep.objective": "loss minimize",
        "runner.sweep.trials": str(budget or count),
    }
    start_ms = NOW_MS - 1000 * count
    sweep = site.run(experiment, name, tags=tags, status=status, start_ms=start_ms, took_ms=1000 * count)
    trials = [a_trial(site, experiment, sweep, n, chance, start_ms + 900 * n) for n in range(count)]
    return sweep, trials


def a_trial(site: Site, experiment: str, sweep: str, n: int, chance: random.Random, start_ms: int) -> str:
    x, lr, opt = chance.uniform(-2, 2), 10 ** chance.uniform(-5, -1), chance.choice(["sgd", "adam"])
    loss = x * x + abs(math.log10(lr) + 3) + (opt == "sgd")
    tags = {"runner.sweep.trial": str(n), "runner.sweep.slot": str(n % 3)}
    early = n % 5 == 4
    run_id = site.run(
        experiment,
        f"trial-{n + 1:03}",
        parent=sweep,
        params={"x": x, "lr": lr, "opt": opt},
        metrics={"loss": loss + 3},
        tags={**tags, **({"runner.sweep.stopped_by": "median"} if early else {})},
        status="KILLED" if early else "FINISHED",
        start_ms=start_ms,
        took_ms=2500,
    )
    site.curve(run_id, "loss", [loss + 3 / (step + 1) for step in range(1, 12)], start_ms=start_ms + 1)
    return run_id


def names(page: Page) -> list[str]:
    return page.locator("#trials tbody th").all_inner_texts()


@contextmanager
def real_sweep(site: Site, folder: Path, gate: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """`runner run -e find` of a project on this server; ended with the block, if it still runs."""
    project = folder / "project"
    project.mkdir()
    (project / "MLproject").write_text(PROJECT)
    (project / "train.py").write_text(TRAIN)
    executables = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environ = {
        **os.environ,
        "HOME": str(folder),
        "PATH": executables,
        "PYTHONPATH": str(REPOSITORY),
        "MLFLOW_TRACKING_URI": site.url,
        **({"GATE": str(gate)} if gate else {}),
    }
    argv = [sys.executable, "-m", "runner", "run", "-e", "find", "project", "--env-manager", "local"]
    process = subprocess.Popen(
        argv, cwd=folder, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if gate:
            gate.touch()
        if process.poll() is None:
            process.terminate()
        process.wait(60)


def run_of(site: Site, process: subprocess.Popen[bytes], trials: int) -> str:
    """The sweep's own run, once so many trials are there."""
    until = time.monotonic() + 90
    while True:
        assert process.poll() in (None, 0)
        assert time.monotonic() < until
        found = site.post("runs/search", experiment_ids=["0"], filter="tags.`runner.sweep` = 'find'").get(
            "runs", []
        )
        ids = [run["info"]["run_id"] for run in found]
        if ids:
            below = site.post(
                "runs/search", experiment_ids=["0"], filter=f"tags.`mlflow.parentRunId` = '{ids[0]}'"
            )
            if len(below.get("runs", [])) >= trials:
                return str(ids[0])
        time.sleep(0.1)


def test_a_real_sweep_is_followed_while_it_runs_extended_and_shown_when_it_is_over(
    page: Page, site: Site, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    with real_sweep(site, tmp_path, gate) as process:
        sweep = run_of(site, process, 3)
        page.goto(f"/runs/{sweep}")
        page.get_by_role("link", name="Sweep", exact=True).click()
        expect(page.locator("#standing")).to_contain_text("Running")
        expect(page.locator("#standing")).to_contain_text("0 of 12 trials")

        page.get_by_role("button", name="Stop or extend").click()
        page.get_by_label("Parameter sets in all").fill("14")
        page.get_by_role("button", name="Extend", exact=True).click()
        expect(page.locator("#standing")).to_contain_text("“extend 14” was heard and done", timeout=20_000)
        expect(page.locator("#standing")).to_contain_text("of 14 trials")

        gate.touch()
        expect(page.locator("#standing")).to_contain_text("14 of 14 trials", timeout=90_000)
        assert process.wait(60) == 0
    expect(page.locator("#standing .status")).to_have_text("Finished", timeout=20_000)
    expect(page.locator("#standing")).to_contain_text("12 -> 14")
    expect(page.locator("#standing")).to_contain_text(re.compile("Better than the baseline"))
    expect(page.locator("#history svg .best-line")).to_have_count(1)
    page.reload()
    expect(page.get_by_label(re.compile("^Timeline. 15 runs in 3 slots"))).to_be_visible()
    expect(page.locator("#slices h3")).to_have_count(3)
    assert set(page.locator("#slices h3").all_inner_texts()) == {"lr (log)", "opt", "x"}
    assert axe_violations(page) == []


def test_the_page_reads_without_scripts(page: Page, site: Site) -> None:
    sweep, trials = a_sweep(site, "scriptless sweep")
    with without_scripts(page, site) as plain:
        plain.goto(f"/runs/{sweep}/sweep")
        for name in ("history", "parallel", "slices", "contour", "curves", "timeline"):
            expect(plain.locator(f"#{name} svg .square").first).to_be_visible()
        plain.get_by_text("Filter", exact=True).first.click()
        plain.get_by_label("x, at least").fill("0")
        plain.get_by_role("checkbox", name="adam").check()
        plain.get_by_role("button", name="Filter").click()
        expect(plain.get_by_role("status")).to_contain_text("that pass the filter")
        plain.get_by_role("link", name="loss").first.click()
        plain.locator("#trials tbody a").first.click()
        assert plain.url.rpartition("/")[2] in trials


def test_a_brush_along_an_axis_filters_the_table_and_is_in_the_address(page: Page, site: Site) -> None:
    sweep, _ = a_sweep(site, "brushed")
    page.goto(f"/runs/{sweep}/sweep?sort=number")
    page.locator("#parallel").scroll_into_view_if_needed()
    before = names(page)
    box = page.locator('#parallel .upright[data-name="x"] line').bounding_box()
    assert box is not None

    page.mouse.move(box["x"], box["y"] + 1)
    page.mouse.down()
    page.mouse.move(box["x"], box["y"] + box["height"] / 4)
    page.mouse.move(box["x"], box["y"] + box["height"] / 2)
    page.mouse.up()

    expect(page.get_by_role("status")).to_contain_text("that pass the filter")
    assert "min.x=" in page.url
    assert "sort=number" in page.url
    kept = names(page)
    assert 0 < len(kept) < len(before)
    assert float(page.get_by_label("x, at least").input_value()) < 0.5
    expect(page.locator("#parallel .line.out").first).to_be_attached()
    expect(page.locator("#parallel .brush")).to_have_count(1)

    page.reload()
    assert names(page) == kept
    expect(page.locator("#parallel .brush")).to_have_count(1)

    page.get_by_role("link", name="Show all").click()
    expect(page.get_by_role("status")).not_to_contain_text("that pass the filter")
    assert names(page) == before
    page.go_back()
    expect(page.get_by_role("status")).to_contain_text("that pass the filter")


def test_the_filter_is_used_by_keyboard(page: Page, site: Site) -> None:
    sweep, _ = a_sweep(site, "typed")
    page.goto(f"/runs/{sweep}/sweep")
    page.locator("#filters summary").focus()
    page.keyboard.press("Enter")
    page.get_by_role("checkbox", name="adam").focus()
    page.keyboard.press("Space")

    expect(page.get_by_role("status")).to_contain_text("that pass the filter")
    assert "is.opt=adam" in page.url
    expect(page.get_by_role("checkbox", name="adam")).to_be_focused()
    column = page.locator("#trials thead th").all_inner_texts().index("opt")
    cells = page.locator(f"#trials tbody td:nth-child({column + 1})").all_inner_texts()
    assert set(cells) == {"adam"}


def test_sorting_and_paging_leave_one_where_one_is(page: Page, site: Site) -> None:
    sweep, _ = a_sweep(site, "sorted", 30)
    page.goto(f"/runs/{sweep}/sweep")
    page.get_by_role("link", name="Duration").click()
    expect(page.get_by_role("columnheader", name="Duration")).to_have_attribute("aria-sort", "ascending")
    expect(page.get_by_role("link", name="Duration")).to_be_focused()
    page.get_by_role("link", name="Duration").click()
    expect(page.get_by_role("columnheader", name="Duration")).to_have_attribute("aria-sort", "descending")
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("Page 2 of 2")).to_be_visible()
    assert "page=1" in page.url
    assert len(names(page)) == 5


def test_another_objective_or_pair_is_shown_when_it_is_chosen(page: Page, site: Site) -> None:
    sweep, trials = a_sweep(site, "chosen")
    for number, run_id in enumerate(trials):
        site.post("runs/log-metric", run_id=run_id, key="accuracy", value=number, timestamp=1)
    page.goto(f"/runs/{sweep}/sweep?min.x=-1")

    page.get_by_label("Objective").select_option("accuracy")

    expect(page.get_by_label("Goal")).to_have_value("minimize")
    page.get_by_label("Goal").select_option("maximize")
    expect(page.locator("#standing")).to_contain_text("accuracy, more is better")
    assert "min.x=-1" in page.url
    page.get_by_label("Across").select_option("x")
    page.get_by_label("Up").select_option("lr")
    expect(page.get_by_label(re.compile("^accuracy over x and lr"))).to_be_visible()


def test_a_trial_is_under_the_pointer_with_its_parameters_and_a_click_leads_to_it(
    page: Page, site: Site
) -> None:
    sweep, trials = a_sweep(site, "pointed at", 6)
    page.goto(f"/runs/{sweep}/sweep")
    plot = page.locator("#history svg.plot")
    plot.scroll_into_view_if_needed()
    path = plot.locator(".dots.finished").get_attribute("d") or ""
    numbers = (plot.locator(".dots.finished").get_attribute("data-trials") or "").split(",")
    spot = re.findall(r"M([\d.]+) ([\d.]+)", path)[1]
    box = plot.bounding_box()
    assert box is not None
    at = (box["x"] + float(spot[0]) / 1000 * box["width"], box["y"] + float(spot[1]) / 1000 * box["height"])

    page.mouse.move(*at)

    expect(page.locator(".readout strong")).to_have_text(f"trial-{int(numbers[1]):03}")
    expect(page.locator(".readout")).to_contain_text("opt")
    page.mouse.click(*at)
    page.wait_for_url(f"**/runs/{trials[int(numbers[1]) - 1]}")


def test_news_are_drawn_while_the_table_stays_until_it_is_asked_for(page: Page, site: Site) -> None:
    page.clock.install()
    sweep, _ = a_sweep(site, "followed", 6, status="RUNNING", budget=20)
    experiment = str(
        site.http.get(f"/api/2.0/mlflow/runs/get?run_id={sweep}").json()["run"]["info"]["experiment_id"]
    )
    page.goto(f"/runs/{sweep}/sweep")
    expect(page.locator("#standing")).to_contain_text("6 of 20 trials")
    before = names(page)

    a_trial(site, experiment, sweep, 6, random.Random(9), NOW_MS)
    page.clock.fast_forward(4_000)

    expect(page.locator("#standing")).to_contain_text("7 of 20 trials")
    expect(page.get_by_role("button", name="Show the newer trials")).to_be_visible()
    assert names(page) == before
    page.get_by_role("button", name="Show the newer trials").click()
    expect(page.locator("#trials tbody tr")).to_have_count(7)
    expect(page.get_by_role("button", name="Show the newer trials")).to_be_hidden()


def test_ugly_trials_keep_the_page_in_shape_and_axe_content(page: Page, site: Site) -> None:
    experiment = site.experiment("ugly sweep")
    sweep = site.run(experiment, "x" * 200, tags={"runner.sweep": "w" * 300, "runner.sweep.state": "running"})
    for number in range(14):
        site.run(
            experiment,
            ("y" * 300, "שלום 🍷", "<b>bold</b>")[number % 3] + str(number),
            parent=sweep,
            params={
                "p" * 200: 10.0 ** (number - 7),
                "emoji": "🍷" * (number % 4 + 1),
                "rtl": f"שלום {number % 3}",
                "huge": "v" * 400 + str(number),
                "nan": ("nan", "inf", "1")[number % 3],
                **{f"also {n}": number * n % 7 for n in range(12)},
            },
            metrics={
                "loss " + "l" * 200: (float(number), "NaN", "Infinity")[number % 7 % 3],
                "b": 1e300 * number,
            },
            status=("FINISHED", "FAILED", "RUNNING", "KILLED")[number % 4],
            start_ms=NOW_MS - 1000 * number,
        )
    for query in ("", "?objective=b", "?min.nan=0"):
        for width in (360, 768, 1280, 1920):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(f"/runs/{sweep}/sweep{query}")
            assert not too_wide(page), (query, width)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto(f"/runs/{sweep}/sweep?objective=b")
        assert axe_violations(page) == []


def test_axe_is_content_with_a_whole_sweep_in_both_schemes(page: Page, site: Site) -> None:
    sweep, _ = a_sweep(site, "accessible")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto(f"/runs/{sweep}/sweep?min.x=-1")
        page.get_by_role("button", name="Go on").click()
        assert axe_violations(page) == []
