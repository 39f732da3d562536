"""Points in time on pages, in a real browser on a real server."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.tracking_server.browser.site import Site

START_MS = 1_700_000_000_000  # 2023-11-14 22:13:20 UTC


def test_exact_times_are_those_of_the_readers_time_zone(page: Page, site: Site) -> None:
    run_id = site.run(site.experiment("far away"), "a run", metrics={"loss": 1}, start_ms=START_MS)
    browser = page.context.browser
    assert browser is not None
    with browser.new_context(base_url=site.url, timezone_id="Asia/Tokyo") as context:
        there = context.new_page()
        there.goto(f"/runs/{run_id}")
        started = there.locator("#facts time")
        started.hover()
        expect(started).to_have_attribute("title", "2023-11-15 07:13:20 GMT+9")
        expect(started).to_have_attribute("datetime", "2023-11-14T22:13:20.000Z")


def test_relative_times_count_on(page: Page, site: Site) -> None:
    run_id = site.run(site.experiment("counting"), "a run")
    page.clock.install()
    page.goto(f"/runs/{run_id}")
    expect(page.locator("#facts time")).to_have_text("just now")

    page.clock.run_for(130_000)

    expect(page.locator("#facts time")).to_have_text("2 min ago")
