"""The log of a run, in a real browser on a real server."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.tracking_server.browser.site import Site, axe_violations, too_wide

LOG = "runner/output.log"


def lines(first: int, count: int) -> bytes:
    return "".join(f"line {number}\n" for number in range(first, first + count)).encode()


def is_at_end(log: Locator) -> bool:
    return bool(log.evaluate("log => log.scrollHeight - log.scrollTop - log.clientHeight < 2"))


def test_a_log_grows_under_the_eyes_of_its_reader_until_the_run_is_over(page: Page, site: Site) -> None:
    experiment = site.experiment("live log")
    run_id = site.run(experiment, "running", status="RUNNING", tags={"runner.ticket": "x"})
    page.clock.install()
    page.goto(f"/runs/{run_id}/log")
    log = page.get_by_role("region", name="Log")
    expect(page.get_by_text("stored every few seconds")).to_be_visible()

    site.artifact(experiment, run_id, LOG, b"one\n\x1b[31m 50%")
    page.clock.run_for(3_000)
    expect(log).to_contain_text("50%")
    expect(page.get_by_text("stored every few seconds")).to_have_count(0)
    expect(page.get_by_role("link", name="Download the whole log")).to_be_visible()

    site.artifact(experiment, run_id, LOG, b"one\n\x1b[31m 50%\r100%\x1b[0m\ntwo\n")
    page.clock.run_for(3_000)
    expect(log.locator("div")).to_have_text(["one", "100%", "two", ""])
    expect(log.locator(".fg-red")).to_have_text("100%")

    site.artifact(experiment, run_id, LOG, b"one\n\x1b[31m 50%\r100%\x1b[0m\ntwo\nthe end\n")
    site.post("runs/update", run_id=run_id, status="FINISHED")
    page.clock.run_for(3_000)
    expect(log).to_contain_text("the end")
    expect(page.get_by_text("The run is over: finished.")).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_hidden()


def test_the_end_stays_in_sight_only_of_those_who_look_at_it(page: Page, site: Site) -> None:
    experiment = site.experiment("scrolled log")
    run_id = site.run(experiment, "running", status="RUNNING")
    site.artifact(experiment, run_id, LOG, lines(0, 200))
    page.clock.install()
    page.goto(f"/runs/{run_id}/log")
    log = page.get_by_role("region", name="Log")
    expect(log).to_contain_text("line 199")
    assert is_at_end(log)

    site.artifact(experiment, run_id, LOG, lines(0, 300))
    page.clock.run_for(3_000)
    expect(log).to_contain_text("line 299")
    assert is_at_end(log)

    log.evaluate("log => { log.scrollTop = 100; }")
    site.artifact(experiment, run_id, LOG, lines(0, 400))
    page.clock.run_for(3_000)
    expect(log).to_contain_text("line 399")
    assert log.evaluate("log => log.scrollTop") == 100


def test_a_log_that_grew_by_too_much_begins_anew_with_its_end(page: Page, site: Site) -> None:
    experiment = site.experiment("fast log")
    run_id = site.run(experiment, "running", status="RUNNING")
    site.artifact(experiment, run_id, LOG, b"the very first line\n")
    page.clock.install()
    page.goto(f"/runs/{run_id}/log")
    log = page.get_by_role("region", name="Log")
    expect(log).to_contain_text("the very first line")

    site.artifact(experiment, run_id, LOG, b"the very first line\n" + lines(0, 30_000))
    page.clock.run_for(3_000)

    expect(log).to_contain_text("line 29999")
    expect(log).not_to_contain_text("the very first line")
    expect(page.get_by_text("This is its end")).to_be_visible()


def test_a_server_that_is_away_is_said_and_asked_again(page: Page, site: Site) -> None:
    experiment = site.experiment("away")
    run_id = site.run(experiment, "running", status="RUNNING")
    site.artifact(experiment, run_id, LOG, b"one\n")
    page.clock.install()
    page.goto(f"/runs/{run_id}/log")
    page.route("**/log/tail*", lambda route: route.abort())
    page.clock.run_for(3_000)
    expect(page.get_by_text("The server does not answer.")).to_be_visible()

    page.unroute("**/log/tail*")
    site.artifact(experiment, run_id, LOG, b"one\nback\n")
    page.clock.run_for(10_000)
    expect(page.get_by_role("region", name="Log")).to_contain_text("back")
    expect(page.get_by_text("The server does not answer.")).to_have_count(0)


def test_lines_wrap_when_asked_to(page: Page, site: Site) -> None:
    experiment = site.experiment("wrapped log")
    run_id = site.run(experiment, "a run")
    site.artifact(experiment, run_id, LOG, b"long " * 1000)
    page.goto(f"/runs/{run_id}/log")
    log = page.get_by_role("region", name="Log")
    assert log.evaluate("log => log.scrollWidth > log.clientWidth")

    page.get_by_label("Wrap lines").check()

    assert log.evaluate("log => log.scrollWidth <= log.clientWidth")


def test_ugly_logs_keep_the_page_in_shape_and_axe_content(page: Page, site: Site) -> None:
    experiment = site.experiment("ugly log")
    run_id = site.run(experiment, "x" * 300)
    codes = [*range(30, 38), *range(40, 48), *range(90, 98), *range(100, 108), 1, 2, 3, 4, 7, 9]
    colours = "".join(f"\x1b[{code}mcolour {code}\x1b[0m \x1b[7;{code}mturned\x1b[0m\n" for code in codes)
    both = "".join(
        f"\x1b[{front};{ground}mboth\x1b[0m\n" for front in (30, 31, 37) for ground in (41, 44, 47)
    )
    site.artifact(
        experiment, run_id, "l" * 200 + ".log", (colours + both + "שלום 🍷 " * 200).encode() + b"\xff\x00"
    )
    for width in (360, 768, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(f"/runs/{run_id}/log")
        expect(page.get_by_role("region", name="Log")).to_contain_text("colour 31")
        assert not too_wide(page), width
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert axe_violations(page) == []
