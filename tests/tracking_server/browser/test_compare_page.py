"""Runs beside one another, in a real browser on a real server."""

from __future__ import annotations

import csv
import io
import re

from playwright.sync_api import Locator, Page, expect

from tests.tracking_server.browser.site import Site, axe_violations, too_wide, without_scripts

PATCH = """diff --git a/train.py b/train.py
--- a/train.py
+++ b/train.py
@@ -1,3 +1,3 @@
 import sys
-rate = 0.1
+rate = {rate}
 fit()
"""


def address(*run_ids: str, **query: str) -> str:
    """The page that compares these runs."""
    fields = [f"run={run_id}" for run_id in run_ids] + [f"{name}={value}" for name, value in query.items()]
    return "/compare?" + "&".join(fields)


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name, exact=True))


def cells(page: Page, name: str) -> list[str]:
    """What stands in the row of that name."""
    return [text.strip() for text in row(page, name).get_by_role("cell").all_inner_texts()]


def three_runs(site: Site, name: str) -> tuple[str, str, str]:
    """Runs that differ in one parameter and in their metrics, and share twelve parameters."""
    experiment = site.experiment(name)
    same = {f"same-{number}": 1 for number in range(12)}
    first, second, third = (
        site.run(
            experiment,
            f"{name}-{number}",
            params={"lr": 0.1 * number, **same},
            metrics={"rmse": 0.5 + 0.1 * number, "share": 0.25, "noise": "NaN" if number == 1 else 2},
            tags={"team": "blue"},
        )
        for number in range(3)
    )
    return first, second, third


def with_files(site: Site, experiment: str, name: str, *, numpy: str, rate: str, commit: str) -> str:
    """A run that `runner` performed, with its environment's packages and its uncommitted changes."""
    repository = {"mlflow.source.git.repoURL": "https://github.example/team/wine.git"}
    run_id = site.run(experiment, name, tags={"mlflow.source.git.commit": commit, **repository})
    lock = f"# python 3.11.4\nnumpy=={numpy}\nscipy==1.13.1\n" + ("pandas==2.2.0\n" if rate == "0.2" else "")
    site.artifact(experiment, run_id, "runner/environment.lock", lock.encode())
    site.artifact(experiment, run_id, "runner/source/dirty.patch", PATCH.format(rate=rate).encode())
    for key, value in {
        "runner.environment.lock": f"runs:/{run_id}/runner/environment.lock",
        "runner.source.artifacts": f"runs:/{run_id}/runner/source",
    }.items():
        site.post("runs/set-tag", run_id=run_id, key=key, value=value)
    return run_id


def test_only_what_differs_is_shown_where_much_is_the_same(page: Page, site: Site) -> None:
    page.goto(address(*three_runs(site, "sparse")))

    assert cells(page, "lr") == ["0.0", "0.1", "0.2"]
    assert cells(page, "Status") == ["Finished"] * 3
    expect(row(page, "same-0")).to_have_count(0)
    expect(page.get_by_role("status")).to_contain_text(
        "3 rows differ; 14 are the same in all runs and left out"
    )

    page.get_by_role("link", name="Show all rows").click()
    assert_shown = row(page, "same-0")
    expect(assert_shown).to_be_visible()
    assert "show=all" in page.url
    page.reload()
    expect(assert_shown).to_be_visible()

    page.get_by_role("link", name="Show differences only").click()
    expect(assert_shown).to_have_count(0)
    page.go_back()
    expect(assert_shown).to_be_visible()


def test_everything_is_shown_where_little_is_the_same(page: Page, site: Site) -> None:
    experiment = site.experiment("little")
    one, two = (site.run(experiment, name, params={"a": 1, "b": name}) for name in ("one", "two"))

    page.goto(address(one, two))

    assert cells(page, "a") == ["1", "1"]
    assert cells(page, "b") == ["one", "two"]


def test_a_baseline_gives_differences_with_sign_and_percent(page: Page, site: Site) -> None:
    first, second, third = three_runs(site, "based")
    page.goto(address(first, second, third))
    page.get_by_role("button", name="Make based-0 the baseline").click()
    expect(page.get_by_role("button", name="based-0 is the baseline: have none")).to_be_focused()
    assert f"baseline={first}" in page.url

    assert cells(page, "rmse") == ["0.5", "0.6\n+0.1 (+20.0 %)", "0.7\n+0.2 (+40.0 %)"]
    assert cells(page, "noise") == ["2", "NaN", "2"]

    page.goto(address(first, second, third, baseline=third))
    assert cells(page, "rmse")[0] == "0.5\n−0.2 (−28.6 %)"  # noqa: RUF001  # a real minus
    page.get_by_role("button", name="based-2 is the baseline: have none").click()
    expect(page.get_by_role("button", name="Make based-2 the baseline")).to_be_visible()
    assert "baseline" not in page.url


def test_a_run_is_removed(page: Page, site: Site) -> None:
    first, second, third = three_runs(site, "removed")
    page.goto(address(first, second, third))
    page.get_by_role("button", name="Remove removed-1").click()

    expect(page.get_by_role("heading", name="2 runs compared")).to_be_visible()
    assert second not in page.url
    expect(page.get_by_role("columnheader", name="removed-1")).to_have_count(0)


def test_rows_are_searched_as_one_types(page: Page, site: Site) -> None:
    page.goto(address(*three_runs(site, "searched"), show="all"))
    page.get_by_label("Search rows by name").press_sequentially("same-1")

    expect(row(page, "same-0")).to_have_count(0)
    expect(row(page, "same-11")).to_be_visible()
    expect(page.get_by_label("Search rows by name")).to_be_focused()
    expect(page).to_have_url(re.compile("show=all.*search=same-1"))
    page.reload()
    expect(page.get_by_label("Search rows by name")).to_have_value("same-1")
    expect(row(page, "lr")).to_have_count(0)


def test_sections_fold_and_the_address_says_so(page: Page, site: Site) -> None:
    page.goto(address(*three_runs(site, "folded")))
    title = page.get_by_role("button", name="Parameters")
    expect(title).to_have_attribute("aria-expanded", "true")
    title.click()

    expect(row(page, "lr")).to_have_count(0)
    expect(title).to_have_attribute("aria-expanded", "false")
    page.reload()
    expect(row(page, "lr")).to_have_count(0)
    expect(row(page, "rmse")).to_be_visible()

    page.get_by_role("button", name="Tags of programs").click()
    expect(row(page, "mlflow.runName")).to_be_visible()


def test_runs_of_several_experiments_are_compared(page: Page, site: Site) -> None:
    one = site.run(site.experiment("east"), "sun", metrics={"m": 1})
    two = site.run(site.experiment("west"), "moon", metrics={"m": 2})

    page.goto(address(one, two))

    assert cells(page, "Experiment") == ["east", "west"]
    page.get_by_role("button", name="Charts").click()
    link = page.locator("#charts").get_by_role("link", name="east")
    assert f"run={one}" in (link.get_attribute("href") or "")


def test_environments_are_compared_package_by_package(page: Page, site: Site) -> None:
    experiment = site.experiment("packages")
    one = with_files(site, experiment, "one", numpy="1.26.0", rate="0.2", commit="a" * 40)
    two = with_files(site, experiment, "two", numpy="2.0.1", rate="0.3", commit="a" * 40)

    page.goto(address(one, two, show="differences"))

    assert cells(page, "numpy") == ["1.26.0", "2.0.1"]
    assert cells(page, "pandas") == ["2.2.0", "–"]  # noqa: RUF001  # a dash
    expect(row(page, "scipy")).to_have_count(0)


def test_trials_share_the_packages_that_their_sweep_stored(page: Page, site: Site) -> None:
    experiment = site.experiment("shared")
    sweep = with_files(site, experiment, "sweep", numpy="1.26.0", rate="0.2", commit="a" * 40)
    shared = {"runner.environment.lock": f"runs:/{sweep}/runner/environment.lock"}
    one, two = (site.run(experiment, name, parent=sweep, tags=shared) for name in ("t1", "t2"))

    page.goto(address(one, two, show="all"))

    assert cells(page, "numpy") == ["1.26.0", "1.26.0"]


def test_commits_and_uncommitted_changes_stand_side_by_side(page: Page, site: Site) -> None:
    experiment = site.experiment("code")
    one = with_files(site, experiment, "one", numpy="1", rate="0.2", commit="a" * 40)
    two = with_files(site, experiment, "two", numpy="1", rate="0.3", commit="b" * 40)
    three = with_files(site, experiment, "three", numpy="1", rate="0.4", commit="b" * 40)

    page.goto(address(one, two, three))

    commit = row(page, "Commit").get_by_role("link").first
    assert commit.get_attribute("href") == f"https://github.example/team/wine/commit/{'a' * 40}"
    between = page.get_by_role("link", name="aaaaaaaa … bbbbbbbb")
    href = f"https://github.example/team/wine/compare/{'a' * 40}...{'b' * 40}"
    assert between.get_attribute("href") == href

    beside = page.get_by_role("region", name="Changes of train.py")
    expect(beside).to_contain_text("+rate = 0.2")
    expect(beside).to_contain_text("+rate = 0.3")
    page.get_by_role("button", name="Show").click()
    expect(beside).to_contain_text("+rate = 0.4")
    assert f"patch={three}" in page.url


def test_what_is_shown_is_downloaded(page: Page, site: Site) -> None:
    first, second, third = three_runs(site, "exported")
    page.goto(address(first, second, third, baseline=first, search="r"))
    page.get_by_role("button", name="Download").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()

    rows = list(csv.reader(io.StringIO(download.value.path().read_text(encoding="utf-8"))))
    assert rows[0] == ["section", "name", "exported-0", "exported-1", "exported-2"]
    assert ["params", "lr", "0.0", "0.1", "0.2"] in rows
    assert ["metrics", "rmse", "0.5", "0.6", "0.7"] in rows
    assert "percent" in {row[0] for row in rows}
    assert not any(row[1].startswith("same-") for row in rows)  # the same in all runs
    assert "noise" not in {row[1] for row in rows}  # not searched for


def test_runs_that_are_gone_are_said_and_none_teaches_what_to_do(page: Page, site: Site) -> None:
    first, second, _ = three_runs(site, "gone")
    page.goto(address(first, second, "nosuchrun"))
    expect(page.get_by_text("Not in the store any more")).to_contain_text("nosuchrun")

    page.goto("/compare")
    expect(page.get_by_role("heading", name="No runs to compare yet")).to_be_visible()
    page.goto("/compare?run=nosuchrun")
    expect(page.get_by_role("heading", name="None of these runs is in the store")).to_be_visible()


def test_the_name_of_a_row_puts_the_runs_in_its_order(page: Page, site: Site) -> None:
    runs = three_runs(site, "ordered")
    page.goto(address(*runs))
    page.get_by_role("link", name="rmse").click()
    page.get_by_role("link", name="rmse ↑").click()

    expect(page.get_by_role("rowheader", name="rmse ↓")).to_have_attribute("aria-sort", "descending")
    assert page.locator("thead a.name").all_inner_texts() == ["ordered-2", "ordered-1", "ordered-0"]
    page.get_by_role("searchbox").fill("lr")
    expect(page.get_by_role("link", name="rmse ↓")).to_have_count(0)
    assert page.locator("thead a.name").all_inner_texts() == ["ordered-2", "ordered-1", "ordered-0"]
    page.go_back()
    expect(
        page.get_by_role("link", name="rmse ↓").or_(page.get_by_role("link", name="rmse ↑"))
    ).to_be_visible()
    assert axe_violations(page) == []


def test_the_page_works_without_scripts(page: Page, site: Site) -> None:
    first, second, third = three_runs(site, "plain")
    with without_scripts(page, site) as plain:
        plain.goto(address(first, second, third))
        plain.get_by_role("button", name="Make plain-1 the baseline").click()
        assert f"baseline={second}" in plain.url
        plain.get_by_label("Search rows by name").fill("rmse")
        plain.get_by_role("button", name="Search").click()
        assert "search=rmse" in plain.url
        assert f"baseline={second}" in plain.url
        expect(plain.get_by_text("−0.1 (−16.7 %)")).to_be_visible()  # noqa: RUF001  # a real minus
        plain.get_by_role("button", name="Metrics").click()
        expect(plain.get_by_text("−0.1 (−16.7 %)")).to_have_count(0)  # noqa: RUF001


def test_names_of_rows_and_runs_stay_in_sight(page: Page, site: Site) -> None:
    experiment = site.experiment("sticky")
    params: dict[str, object] = {f"p{number:02}": number for number in range(90)}
    runs = [site.run(experiment, f"run-{number}", params=params) for number in range(12)]
    page.goto(address(*runs, show="all"))
    table = page.get_by_role("region", name="Runs beside one another")
    table.evaluate("element => element.scrollTo(600, 900)")

    inside = "element => element.getBoundingClientRect()"
    outer = table.evaluate(inside)
    name = row(page, "p40").get_by_role("rowheader").evaluate(inside)
    head = page.get_by_role("columnheader", name="run-8").evaluate(inside)
    assert abs(name["left"] - outer["left"]) < 3
    assert abs(head["top"] - outer["top"]) < 3


def test_ugly_data_keeps_the_page_in_shape_and_axe_content(page: Page, site: Site) -> None:
    experiment = site.experiment("ugly " * 60)
    ugly = [
        site.run(
            experiment,
            name,
            params={"k" * 250: "v" * 3000 + name[:1], "html": "<b>bold</b>", "rtl": "שלום 🍷 " * 9},
            metrics={"inf": "Infinity", "nan": "NaN", "large": 1e300, "m" * 250: -1e-9},
            tags={"note": "x" * 4000},
        )
        for name in ("x" * 400, "שלום 🍷 " * 20, "<b>bold</b>")
    ]
    commit = "c" * 40
    ugly.append(with_files(site, experiment, "files", numpy="1", rate="0.2" + "x" * 900, commit=commit))
    for width in (360, 768, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(address(*ugly, show="all", baseline=ugly[0]))
        assert not too_wide(page), width
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert axe_violations(page) == []
        page.goto("/compare")
        assert axe_violations(page) == []
        page.goto(address(*ugly))


def test_runs_selected_in_the_table_are_compared(page: Page, site: Site) -> None:
    experiment = site.experiment("selected")
    for name in ("one", "two", "three"):
        site.run(experiment, name, params={"name": name})
    page.goto(f"/experiments/{experiment}")
    page.get_by_label("Select one", exact=True).check()
    page.get_by_label("Select three", exact=True).check()
    page.get_by_role("button", name="Compare").click()

    expect(page.get_by_role("heading", name="2 runs compared")).to_be_visible()
    assert sorted(cells(page, "name")) == ["one", "three"]
