"""The table of an experiment's runs, in a real browser on a real server."""

from __future__ import annotations

import csv
import json
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.tracking_server.browser.site import Site, axe_violations, too_wide, without_scripts

NOW_MS = int(time.time() * 1000)


@pytest.fixture(scope="module")
def wine(site: Site) -> str:
    """An experiment: six runs, and a sweep of three trials."""
    experiment = site.experiment("wine")
    for number in range(6):
        site.run(
            experiment,
            f"train-{number}",
            params={"lr": f"0.{number}1", "optimizer": "adam" if number % 2 else "sgd"},
            metrics={"rmse": 6 - number, "loss": number / 3},
            tags={"team": "blue" if number < 2 else "red"},
            start_ms=NOW_MS - 60_000 * (number + 2),
            status="FAILED" if number == 5 else "FINISHED",
        )
    sweep = site.run(experiment, "sweep", start_ms=NOW_MS - 60_000)
    for number in range(3):
        site.run(
            experiment,
            f"trial-{number}",
            parent=sweep,
            metrics={"rmse": number + 0.5},
            start_ms=NOW_MS + number,
        )
    return experiment


def names(page: Page) -> list[str]:
    """The runs that are shown, from the top."""
    return page.locator("tr[data-run] a.name").all_inner_texts()


def cells(page: Page, run: str) -> list[str]:
    """What stands in the line of a run, from its status on."""
    return row(page, run).get_by_role("cell").all_inner_texts()[1:]


def row(page: Page, run: str) -> Locator:
    link = page.get_by_role("link", name=run, exact=True)
    return page.locator("tr[data-run]").filter(has=link)


def test_runs_are_shown_newest_first_with_what_they_logged(page: Page, wine: str) -> None:
    page.goto(f"/experiments/{wine}")

    assert names(page) == ["sweep", *(f"train-{number}" for number in range(6))]
    status, started, *others = cells(page, "train-1")
    assert (status, others) == ("Finished", ["1.0 s", "0.333333", "5", "0.11", "adam"])
    assert re.fullmatch(r"\d+ min ago", started)


def test_nested_runs_are_shown_and_hidden_and_the_address_keeps_it(page: Page, wine: str) -> None:
    page.goto(f"/experiments/{wine}")
    page.get_by_role("link", name="Show 3 nested runs").click()
    expect(page.get_by_role("link", name="trial-2")).to_be_visible()
    assert names(page)[:4] == ["sweep", "trial-0", "trial-1", "trial-2"]

    page.reload()
    expect(page.get_by_role("link", name="trial-2")).to_be_visible()
    page.get_by_role("link", name="Hide 3 nested runs").click()
    expect(page.get_by_role("link", name="trial-2")).to_have_count(0)
    page.go_back()
    expect(page.get_by_role("link", name="trial-2")).to_be_visible()


def test_sorting_turns_round_and_survives_reload_and_back(page: Page, wine: str) -> None:
    page.goto(f"/experiments/{wine}?flat=1")
    page.get_by_role("link", name="rmse").click()
    expect(page.get_by_role("columnheader", name="rmse")).to_have_attribute("aria-sort", "ascending")
    assert names(page)[:3] == ["trial-0", "train-5", "trial-1"]

    page.get_by_role("link", name="rmse").click()
    expect(page.get_by_role("columnheader", name="rmse")).to_have_attribute("aria-sort", "descending")
    page.reload()
    assert names(page)[0] == "train-0"
    page.go_back()
    expect(page.get_by_role("columnheader", name="rmse")).to_have_attribute("aria-sort", "ascending")


def test_the_selection_survives_sorting_and_goes_into_the_comparison(page: Page, wine: str) -> None:
    page.goto(f"/experiments/{wine}")
    page.get_by_label("Select train-1").check()
    page.get_by_label("Select train-4").check()
    expect(page.get_by_text("2 selected")).to_be_visible()

    page.get_by_role("link", name="rmse").click()
    expect(page.get_by_role("columnheader", name="rmse")).to_have_attribute("aria-sort", "ascending")
    expect(page.get_by_label("Select train-4")).to_be_checked()
    page.reload()
    expect(page.get_by_label("Select train-1")).to_be_checked()

    page.get_by_role("button", name="Compare").click()
    page.wait_for_url("**/compare?*")
    assert page.url.count("run=") == 2


def test_a_range_is_selected_with_shift_and_all_at_once(page: Page, wine: str) -> None:
    page.goto(f"/experiments/{wine}")
    page.get_by_label("Select train-1").click()
    page.get_by_label("Select train-4").click(modifiers=["Shift"])
    expect(page.get_by_text("4 selected")).to_be_visible()
    page.get_by_label("Select all").check()
    expect(page.get_by_text("7 selected")).to_be_visible()


def test_a_selection_on_another_page_goes_along(page: Page, site: Site) -> None:
    experiment = site.experiment("paged")
    for number in range(60):
        site.run(experiment, f"run-{number:02}", start_ms=NOW_MS - number)
    page.goto(f"/experiments/{experiment}?flat=1")
    page.get_by_label("Select run-00").check()
    page.goto(page.url + "&filter=run_name+%3D+'run-59'")
    page.get_by_label("Select run-59").check()
    page.get_by_role("button", name="Compare").click()
    page.wait_for_url("**/compare?*")
    assert page.url.count("run=") == 2


def test_more_runs_are_added_below_and_keep_what_is_there(page: Page, site: Site) -> None:
    experiment = site.experiment("long")
    for number in range(120):
        site.run(experiment, f"run-{number:03}", start_ms=NOW_MS - number)
    page.goto(f"/experiments/{experiment}")
    assert len(names(page)) == 30
    page.get_by_label("Select run-003").check()
    for shown in (60, 90, 120):
        page.mouse.move(400, 400)
        page.mouse.wheel(0, 10_000)
        expect(page.locator("tr[data-run]")).to_have_count(shown)
    expect(page.get_by_role("link", name="More runs")).to_have_count(0)
    expect(page.get_by_label("Select run-003")).to_be_checked()
    assert names(page) == [f"run-{number:03}" for number in range(120)]


def test_more_runs_are_a_link_without_scripts(page: Page, site: Site) -> None:
    experiment = site.experiment("long too")
    for number in range(40):
        site.run(experiment, f"run-{number:03}", start_ms=NOW_MS - number)
    with without_scripts(page, site) as plain:
        plain.goto(f"/experiments/{experiment}")
        plain.get_by_role("link", name="More runs").click()
        assert names(plain) == [f"run-{number:03}" for number in range(30, 40)]
        plain.get_by_role("link", name="First page").click()
        assert len(names(plain)) == 30


def test_a_filter_is_completed_and_applied(page: Page, wine: str) -> None:
    page.goto(f"/experiments/{wine}")
    field = page.get_by_role("combobox", name="Filter")
    field.press_sequentially("rms")
    expect(page.get_by_role("option", name="metrics.rmse")).to_be_visible()
    field.press("ArrowDown")
    field.press("Enter")
    expect(field).to_have_value("metrics.rmse ")
    field.press_sequentially("< 3 ")
    page.get_by_role("option", name="AND", exact=True).click()
    field.press_sequentially("params.optimizer = 'a")
    page.get_by_role("option", name="'adam'").click()
    field.press("Escape")
    field.press("Enter")
    expect(page.locator("tr[data-run]")).to_have_count(1)
    assert names(page) == ["train-5"]
    assert "filter=" in page.url

    page.get_by_role("link", name="Clear the filter").click()
    expect(page.locator("tr[data-run]")).to_have_count(7)


def test_a_wrong_filter_is_explained_and_pointed_at(page: Page, wine: str) -> None:
    page.goto(f"/experiments/{wine}")
    page.get_by_role("combobox", name="Filter").fill("metrics.rmse < 3 and nothing = 2")
    page.get_by_role("button", name="Filter").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("invalid attribute key 'nothing'")
    expect(alert.locator("pre")).to_have_text("metrics.rmse < 3 and nothing = 2\n" + " " * 21 + "^")
    expect(page.locator("tr[data-run]")).to_have_count(7)
    expect(page.get_by_role("combobox", name="Filter")).to_have_value("metrics.rmse < 3 and nothing = 2")


def test_columns_are_chosen_and_remembered_for_the_experiment(page: Page, wine: str) -> None:
    page.goto(f"/experiments/{wine}?order=metrics.`rmse`+ASC")
    page.get_by_role("link", name="Columns").click()
    page.get_by_label("loss", exact=True).uncheck()
    page.get_by_label("team").check()
    page.get_by_label("rmse (min)").check()
    page.get_by_role("button", name="Show these columns").click()
    expect(page.get_by_role("columnheader", name="team")).to_be_visible()
    expect(page.get_by_role("columnheader", name="loss")).to_have_count(0)
    assert "order=metrics" in page.url

    page.goto(f"/experiments/{wine}")
    expect(page.get_by_role("columnheader", name="rmse (min)")).to_be_visible()
    assert "column=" in page.url

    page.get_by_role("link", name="Columns").click()
    page.get_by_role("button", name="Choose for me").click()
    expect(page.get_by_role("columnheader", name="loss")).to_be_visible()
    page.goto(f"/experiments/{wine}")
    assert "column=" not in page.url


def test_min_and_max_of_a_metric_are_those_of_the_whole_series(page: Page, site: Site) -> None:
    experiment = site.experiment("extremes")
    run = site.run(experiment, "curve")
    site.curve(run, "loss", [3.0, 0.5, 9.0, 1.0])
    page.goto(
        f"/experiments/{experiment}?column=metrics.loss&column=min:metrics.loss&column=max:metrics.loss"
    )
    assert cells(page, "curve")[3:] == ["1", "0.5", "9"]


def test_runs_are_grouped_with_aggregates_and_a_group_leads_to_its_runs(page: Page, wine: str) -> None:
    page.goto(f"/experiments/{wine}")
    page.get_by_role("button", name="Group").click()
    page.get_by_label("Group by a parameter or tag").fill("params.optimizer")
    page.get_by_role("button", name="Group", exact=True).last.click()
    adam = page.get_by_role("row").filter(has=page.get_by_role("link", name="adam"))
    assert adam.get_by_role("cell").all_inner_texts() == ["3", "3", "1", "5", "1", "0.333333", "1.66667"]
    expect(page.get_by_role("link", name="none")).to_be_visible()

    page.get_by_role("link", name="adam").click()
    expect(page.locator("tr[data-run]")).to_have_count(3)
    assert "`optimizer` = 'adam'" in page.get_by_role("combobox", name="Filter").input_value()


def test_runs_are_pinned_and_coloured_in_the_address(page: Page, wine: str) -> None:
    page.goto(f"/experiments/{wine}")
    page.get_by_label("Select train-3").check()
    page.get_by_role("button", name="Pin").click()
    expect(page.locator("tbody.pinned a.name")).to_have_text("train-3")
    assert "pin=" in page.url
    page.get_by_role("button", name="Colour", exact=True).click()  # without the arrow, which is no word
    page.get_by_role("button", name="Colour 5").click()
    expect(page.locator("tbody.pinned .dot")).to_have_class(re.compile("run-4 kept"))
    page.reload()
    expect(page.locator("tbody.pinned a.name")).to_have_text("train-3")
    page.get_by_role("button", name="Unpin").click()
    expect(page.locator("tbody.pinned")).to_have_count(0)


def test_runs_are_deleted_and_restored_together(page: Page, site: Site) -> None:
    experiment = site.experiment("bin")
    for number in range(3):
        site.run(experiment, f"run-{number}")
    page.goto(f"/experiments/{experiment}")
    page.get_by_label("Select run-0").check()
    page.get_by_label("Select run-2").check()
    page.get_by_role("button", name="Delete").click()
    expect(page.locator("tr[data-run]")).to_have_count(1)
    page.get_by_role("link", name="Deleted runs").click()
    expect(page.locator("tr[data-run]")).to_have_count(2)
    page.get_by_label("Select all").check()
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_text("No run is deleted")).to_be_visible()
    page.get_by_role("link", name="Back to active runs").click()
    expect(page.locator("tr[data-run]")).to_have_count(3)


def test_what_is_shown_is_exported_to_the_end(page: Page, wine: str) -> None:
    page.goto(
        f"/experiments/{wine}?filter=metrics.rmse+<+4&order=metrics.`rmse`+DESC&column=metrics.rmse&column=params.lr"
    )
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as downloading:
        page.get_by_role("link", name="CSV").click()
    lines = list(csv.DictReader(Path(downloading.value.path()).read_text(encoding="utf-8").splitlines()))
    assert [line["Run"] for line in lines] == [
        "train-3",
        "trial-2",
        "train-4",
        "trial-1",
        "train-5",
        "trial-0",
    ]
    assert [(line["rmse"], line["lr"]) for line in lines[:2]] == [("3.0", "0.31"), ("2.5", "")]
    with page.expect_download() as downloading:
        page.get_by_role("link", name="JSON").click()
    records = json.loads(Path(downloading.value.path()).read_text(encoding="utf-8"))
    assert [(record["metrics.rmse"], record["params.lr"]) for record in records[:2]] == [
        (3.0, "0.31"),
        (2.5, None),
    ]


def test_the_table_is_used_by_keys(page: Page, wine: str) -> None:
    page.goto(f"/experiments/{wine}")
    page.keyboard.press("j")
    page.keyboard.press("o")
    expect(page.get_by_role("link", name="trial-0")).to_be_visible()
    for key in ("j", "j", "x", "k", "x"):
        page.keyboard.press(key)
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.get_by_role("combobox", name="Filter")).to_be_focused()
    page.keyboard.type("j")
    expect(page.get_by_role("combobox", name="Filter")).to_have_value("j")


def test_changes_appear_in_place_and_new_runs_are_told(page: Page, site: Site) -> None:
    experiment = site.experiment("live")
    run = site.run(experiment, "long one", status="RUNNING", metrics={"loss": 2}, start_ms=NOW_MS)
    page.clock.install()
    page.goto(f"/experiments/{experiment}")
    page.get_by_label("Select long one").check()
    site.run(experiment, "newer", metrics={"loss": 3})
    site.post("runs/log-metric", run_id=run, key="loss", value=1, timestamp=NOW_MS + 1, step=1)
    site.post("runs/update", run_id=run, status="FINISHED", end_time=NOW_MS + 90_000)

    page.clock.run_for(6_000)

    expect(row(page, "long one")).to_contain_text("Finished")
    assert cells(page, "long one")[2:] == ["1 min 30 s", "1"]
    assert names(page) == ["long one"]
    expect(page.get_by_label("Select long one")).to_be_checked()
    page.get_by_role("link", name="1 new run").click()
    expect(page.locator("tr[data-run]")).to_have_count(2)


def test_the_table_is_of_use_without_scripts(page: Page, site: Site, wine: str) -> None:
    with without_scripts(page, site) as plain:
        plain.goto(f"/experiments/{wine}")
        plain.get_by_role("link", name="Show 3 nested runs").click()
        plain.get_by_role("link", name="rmse").click()
        assert names(plain)[0] == "train-5"
        plain.get_by_role("combobox").or_(plain.get_by_label("Filter")).first.fill("metrics.rmse > 4")
        plain.get_by_role("button", name="Filter").click()
        assert names(plain) == ["train-1", "train-0"]
        plain.get_by_label("Select train-1").check()
        plain.get_by_role("button", name="Pin").click()
        assert plain.locator("tbody.pinned a.name").inner_text() == "train-1"


def test_an_experiment_without_runs_teaches_how_to_make_one(page: Page, site: Site) -> None:
    experiment = site.experiment("it's empty")
    page.goto(f"/experiments/{experiment}")
    expect(page.get_by_text("runner run -e train --experiment-name")).to_be_visible()


def test_ugly_runs_keep_the_page_in_shape_and_axe_content(page: Page, site: Site) -> None:
    experiment = site.experiment("ugly")
    long = site.run(
        experiment, "x" * 500, params={"k" * 200: "v" * 5000, "empty": ""}, metrics={"m" * 200: "NaN"}
    )
    site.run(
        experiment, "שלום 🍷 <i>", parent=long, metrics={"loss": 1e308, "acc": -1e-300}, status="RUNNING"
    )
    site.run(experiment, "killed", params={"lr": "=1+1"}, status="KILLED")
    for width in (360, 768, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(f"/experiments/{experiment}?open=all")
        assert not too_wide(page), width
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for path in (
            f"/experiments/{experiment}?open=all&pin={long}",
            f"/experiments/{experiment}/columns",
            f"/experiments/{experiment}?group=params.lr",
            f"/experiments/{experiment}?filter=x",
        ):
            page.goto(path)
            assert axe_violations(page) == [], path
