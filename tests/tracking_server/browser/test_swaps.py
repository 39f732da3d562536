"""What stays as it was when a part of a page changes: the focus, the way back, and what was asked for last."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.tracking_server.browser.site import Site


def a_table(site: Site, name: str) -> str:
    experiment = site.experiment(name)
    for number in range(3):
        site.run(experiment, f"run-{number}", metrics={"loss": number}, params={"lr": 2 - number})
    return experiment


def first_run(page: Page) -> Any:
    return page.locator("tr[data-run] a.name").first


def test_a_table_that_is_sorted_by_keys_keeps_the_focus_on_the_head(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/experiments/{a_table(site, 'focus')}")
    head = page.get_by_role("columnheader", name="loss").get_by_role("link")

    head.press("Enter")

    expect(page).to_have_url(re.compile("order="))
    expect(first_run(page)).to_have_text("run-0")
    expect(head).to_be_focused()
    head.press("Enter")
    expect(first_run(page)).to_have_text("run-2")
    expect(head).to_be_focused()


def test_going_back_after_each_swap_shows_what_was_there(site: Site, page: Page) -> None:
    experiment = a_table(site, "back")
    page.goto(f"{site.url}/experiments/{experiment}")
    page.get_by_role("columnheader", name="loss").get_by_role("link").click()
    expect(first_run(page)).to_have_text("run-0")
    page.get_by_role("columnheader", name="lr").get_by_role("link").click()
    expect(first_run(page)).to_have_text("run-2")

    page.go_back()
    expect(first_run(page)).to_have_text("run-0")
    page.go_back()
    expect(page).to_have_url(f"{site.url}/experiments/{experiment}")
    page.go_forward()
    expect(first_run(page)).to_have_text("run-0")


def test_a_slow_reply_does_not_replace_what_was_asked_for_after_it(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/experiments/{a_table(site, 'slow')}")
    held: list[Route] = []
    page.route(re.compile("order=.*loss"), lambda route: held.append(route))
    with page.expect_request(re.compile("order=.*loss")):
        page.get_by_role("columnheader", name="loss").get_by_role("link").click()
    page.get_by_role("columnheader", name="lr").get_by_role("link").click()
    expect(first_run(page)).to_have_text("run-2")

    with page.expect_response(re.compile("order=.*loss")) as late:
        held[0].continue_()
    late.value.finished()

    expect(page).to_have_url(re.compile("order=.*lr"))
    expect(first_run(page)).to_have_text("run-2")


def test_a_page_that_cannot_be_a_part_is_shown_as_a_whole(site: Site, page: Page) -> None:
    page.goto(f"{site.url}/experiments/{a_table(site, 'elsewhere')}")
    sign_in = "<!doctype html><title>Sign in</title><h1>Sign in</h1>"
    page.route(
        re.compile("order="),
        lambda route: route.fulfill(content_type="text/html; charset=utf-8", body=sign_in),
    )

    page.get_by_role("columnheader", name="loss").get_by_role("link").click()

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_the_estimated_end_of_a_sweep_stays_what_it_is(site: Site, page: Page) -> None:
    experiment = site.experiment("estimated")
    tags = {"runner.sweep": "s", "runner.sweep.trials": "1000", "runner.sweep.objective": "loss minimize"}
    sweep = site.run(experiment, "sweep", tags=tags, status="RUNNING")
    for number in range(4):
        site.run(experiment, f"t{number}", parent=sweep, metrics={"loss": number}, took_ms=1000 * number)
    page.clock.install()
    page.goto(f"{site.url}/runs/{sweep}/sweep")
    end = page.locator("time[data-fixed]")
    expect(end).to_contain_text("in about")
    page.route(re.compile("/state$"), lambda route: route.abort())  # nothing new comes meanwhile

    page.clock.run_for(11_000)

    expect(end).to_contain_text("in about")


def test_a_server_that_comes_back_is_followed_again(site: Site, page: Page) -> None:
    experiment = site.experiment("away")
    run = site.run(experiment, "runs on", metrics={"loss": 1}, status="RUNNING")
    page.clock.install()
    page.goto(f"{site.url}/experiments/{experiment}")
    page.context.set_offline(True)
    page.clock.run_for(6_000)
    expect(page.get_by_role("link", name="runs on")).to_be_visible()

    page.context.set_offline(False)
    site.post("runs/update", run_id=run, status="FINISHED")
    page.clock.run_for(30_000)

    expect(page.locator(f"tr[data-run='{run}']")).to_contain_text("Finished")


def test_the_link_to_the_content_loads_nothing_anew(site: Site, page: Page) -> None:
    experiment = site.experiment("skipped")
    sweep = site.run(experiment, "sweep", tags={"runner.sweep": "s"}, status="RUNNING")
    runs = [site.run(experiment, f"t{number}", parent=sweep, metrics={"loss": number}) for number in range(2)]
    for address in (
        f"/runs/{sweep}/sweep",
        f"/compare?run={runs[0]}&run={runs[1]}",
        f"/experiments/{experiment}",
    ):
        page.goto(site.url + address)
        page.evaluate("window.isTheSame = true")

        page.get_by_role("link", name="Skip to the content").press("Enter")

        expect(page).to_have_url(re.compile("#main$"))
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert page.evaluate("window.isTheSame")


def test_a_long_table_is_printed_whole(site: Site, page: Page) -> None:
    experiment = site.experiment("printed")
    for number in range(40):
        site.run(experiment, f"run-{number}", params={"lr": number})
    page.goto(f"{site.url}/experiments/{experiment}")
    hidden = "element => element.scrollHeight - element.clientHeight"
    assert page.locator(".scroller").evaluate(hidden) > 0

    page.emulate_media(media="print")

    assert page.locator(".scroller").evaluate(hidden) <= 0
