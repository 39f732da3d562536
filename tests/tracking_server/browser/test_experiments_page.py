"""The page of all experiments, in a real browser on a real server."""

from __future__ import annotations

import time

from playwright.sync_api import Page, expect

from tests.tracking_server.browser.site import Site, axe_violations, too_wide, without_scripts


def test_an_experiment_is_made_renamed_deleted_and_restored(page: Page, site: Site) -> None:
    page.goto("/")
    page.get_by_text("New experiment").click()
    page.get_by_label("Name", exact=True).first.fill("wine")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name="wine")).to_be_visible()

    page.goto("/?search=wine")
    page.get_by_label("Change wine").click()
    page.get_by_label("Name").last.fill("wine quality")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("link", name="wine quality")).to_be_visible()
    assert "search=wine" in page.url

    page.get_by_label("Change wine quality").click()
    page.get_by_role("button", name="Delete with its runs").click()
    expect(page.get_by_role("link", name="wine quality")).to_have_count(0)

    page.get_by_role("link", name="Deleted experiments").click()
    page.get_by_label("Change wine quality").click()
    page.get_by_role("button", name="Restore with its runs").click()
    page.goto("/?search=quality")
    expect(page.get_by_role("link", name="wine quality")).to_be_visible()


def test_tags_are_set_and_removed(page: Page, site: Site) -> None:
    site.experiment("tagged")
    page.goto("/?search=tagged")
    page.get_by_label("Change tagged").click()
    page.get_by_role("textbox", name="Tag").fill("team")
    page.get_by_label("Value").fill("blue")
    page.get_by_role("button", name="Set tag").click()
    expect(page.get_by_role("link", name="team: blue")).to_be_visible()

    page.get_by_label("Change tagged").click()
    page.get_by_role("button", name="Remove tag team").click()
    expect(page.get_by_role("link", name="team: blue")).to_have_count(0)


def test_a_name_that_is_taken_is_said(page: Page, site: Site) -> None:
    site.experiment("taken")
    page.goto("/")
    page.get_by_text("New experiment").click()
    page.get_by_label("Name", exact=True).first.fill("taken")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("already exists")).to_be_visible()


def test_activity_is_counted(page: Page, site: Site) -> None:
    experiment = site.experiment("busy")
    day_ms = 86_400_000
    site.run(experiment, "old", start_ms=int(time.time() * 1000) - 3 * day_ms)
    site.run(experiment, "new")
    site.run(experiment, "now", status="RUNNING")

    page.goto("/?search=busy")

    cells = page.get_by_role("row").filter(has_text="busy").get_by_role("cell")
    assert [text.strip() for text in cells.all_inner_texts()[:4]] == ["3", "1", "2", "just now"]


def test_times_are_relative_with_the_exact_one_on_hover_and_count_on(page: Page, site: Site) -> None:
    experiment = site.experiment("timed")
    page.clock.install()
    site.run(experiment, "a run")
    page.goto("/?search=timed")
    last_run = page.get_by_role("row").filter(has_text="timed").get_by_role("cell").nth(3).locator("time")
    expect(last_run).to_have_text("just now")
    assert (last_run.get_attribute("title") or "").startswith("20")

    page.clock.fast_forward("05:00")

    expect(last_run).to_have_text("5 min ago")


def test_a_search_without_a_match_leads_back(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Search by name").fill("no such thing % _")
    page.get_by_label("Search by name").press("Enter")
    expect(page.get_by_text("No experiment is so named")).to_be_visible()
    page.get_by_role("link", name="Show all experiments").click()
    expect(page.get_by_role("link", name="Default")).to_be_visible()


def test_the_page_reads_and_links_without_scripts(page: Page, site: Site) -> None:
    experiment = site.experiment("scriptless")
    with without_scripts(page, site) as plain:
        plain.goto("/?search=scriptless")
        plain.get_by_role("link", name="scriptless").click()
        assert plain.url.endswith(f"/experiments/{experiment}")


def test_ugly_names_keep_the_page_in_shape_and_axe_content(page: Page, site: Site) -> None:
    for name in ("x" * 500, "שלום 🍷 " * 5, "<b>bold</b>"):
        experiment = site.experiment(name)
        site.post("experiments/set-experiment-tag", experiment_id=experiment, key="k" * 200, value="🍷" * 400)
        site.run(experiment, "y" * 400)
    for width in (360, 768, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto("/")
        assert not too_wide(page), width
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert axe_violations(page) == []
