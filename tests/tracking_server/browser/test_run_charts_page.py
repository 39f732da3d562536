"""The charts of a run, in a real browser on a real server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.tracking_server.browser.site import Site, axe_violations, too_wide, without_scripts


@pytest.fixture
def run_id(site: Site) -> str:
    """A run with two curves and one of the machine."""
    run_id = site.run(site.experiment(f"charts {site.run('0', 'x')}"), "curves")
    site.curve(run_id, "train/loss", [100.0 / (1 + step) for step in range(100)])
    site.curve(run_id, "val/accuracy", [step / 100 for step in range(100)])
    site.curve(run_id, "system/cpu", [50.0] * 100)
    return run_id


def chart(page: Page, metric: str) -> Locator:
    return page.locator(f'.chart[data-metric="{metric}"]')


def line(page: Page, metric: str) -> Locator:
    """The curve that the script has drawn."""
    return chart(page, metric).locator("svg path.line[data-run]").last


def drawn(page: Page, metric: str) -> str:
    chart(page, metric).scroll_into_view_if_needed()
    expect(line(page, metric)).to_be_attached()
    return line(page, metric).get_attribute("d") or ""


def at(page: Page, metric: str, across: float, down: float = 0.5) -> tuple[float, float]:
    """A place of the window over a chart, as parts of its width and height."""
    plot = chart(page, metric).locator(".plot")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def test_curves_are_read_without_scripts(page: Page, site: Site, run_id: str) -> None:
    with without_scripts(page, site) as plain:
        plain.goto(f"/runs/{run_id}/charts")
        expect(plain.get_by_role("img", name="train/loss from 1 to 100, last 1")).to_be_visible()
        expect(plain.get_by_role("heading", name="system")).to_be_visible()
        expect(chart(plain, "system/cpu")).to_be_hidden()

        plain.get_by_label("Across").select_option("relative")
        plain.get_by_label("Logarithmic").check()
        plain.get_by_role("button", name="Apply").click()
        assert "x=relative" in plain.url
        assert "log=1" in plain.url
        expect(chart(plain, "train/loss").get_by_text("since the start")).to_be_visible()


def test_settings_change_curves_at_once_and_stay_in_the_address(page: Page, run_id: str) -> None:
    page.goto(f"/runs/{run_id}/charts")
    plain = drawn(page, "train/loss")

    page.get_by_label("Logarithmic").check()
    expect(line(page, "train/loss")).not_to_have_attribute("d", plain)
    page.get_by_label("Smoothing").fill("0.8")
    page.get_by_label("Ignore outliers").check()
    page.get_by_label("Across").select_option("time")
    expect(chart(page, "train/loss").get_by_text("2023-11-14")).to_have_count(2)
    changed = drawn(page, "train/loss")
    for field in ("log=1", "smooth=0.8", "outliers=0", "x=time"):
        assert field in page.url

    page.reload()
    expect(page.get_by_label("Logarithmic")).to_be_checked()
    expect(page.get_by_label("Smoothing")).to_have_value("0.8")
    expect(line(page, "train/loss")).to_have_attribute("d", changed)


def test_another_metric_can_stand_across(page: Page, run_id: str) -> None:
    page.goto(f"/runs/{run_id}/charts?search=loss")
    drawn(page, "train/loss")

    page.get_by_label("Across").select_option("metric:val/accuracy")

    expect(chart(page, "train/loss").locator(".across")).to_have_text("0val/accuracy0.99")


def test_a_place_is_read_off_in_all_charts_at_once_with_the_exact_value(page: Page, run_id: str) -> None:
    page.goto(f"/runs/{run_id}/charts")
    drawn(page, "train/loss")
    drawn(page, "val/accuracy")

    page.mouse.move(*at(page, "train/loss", 2 / 99))

    readout = page.locator(".readout")
    expect(readout).to_contain_text("step 2")
    expect(readout).to_contain_text(str(100.0 / 3))
    for metric in ("train/loss", "val/accuracy"):
        expect(chart(page, metric).locator("svg .here")).to_have_count(1)
    page.mouse.move(1, 1)
    expect(readout).to_be_hidden()
    expect(page.locator("svg .here")).to_have_count(0)


def test_keys_read_a_curve_off(page: Page, run_id: str) -> None:
    page.goto(f"/runs/{run_id}/charts")
    drawn(page, "val/accuracy")
    chart(page, "val/accuracy").locator(".plot").focus()

    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")

    expect(page.get_by_role("status").filter(has_text="step 98")).to_contain_text("0.98")
    page.keyboard.press("Escape")
    expect(page.locator(".readout")).to_be_hidden()


def test_dragging_shows_a_part_in_all_charts_and_two_clicks_the_whole(page: Page, run_id: str) -> None:
    page.goto(f"/runs/{run_id}/charts")
    drawn(page, "train/loss")
    page.mouse.move(*at(page, "train/loss", 0.5))
    page.mouse.down()
    page.mouse.move(*at(page, "train/loss", 0.8), steps=4)
    page.mouse.up()

    across = chart(page, "val/accuracy").locator(".across")
    expect(across).to_have_text("50step79")
    assert "from=" in page.url
    page.reload()
    expect(across).to_have_text("50step79")

    page.mouse.dblclick(*at(page, "train/loss", 0.5))
    expect(across).to_have_text("0step99")
    assert "from=" not in page.url


def test_a_peak_of_one_point_among_many_is_drawn_and_looked_at_closely(page: Page, site: Site) -> None:
    run_id = site.run("0", "peak")
    site.curve(run_id, "peak", [9999.0 if step == 7777 else step / 1e6 for step in range(10_000)])
    page.goto(f"/runs/{run_id}/charts")
    drawn(page, "peak")
    expect(chart(page, "peak").locator(".high")).to_have_text("9999")

    page.goto(f"/runs/{run_id}/charts?from=7770&to=7780")
    drawn(page, "peak")
    page.mouse.move(*at(page, "peak", 0.7))

    expect(page.locator(".readout")).to_contain_text("step 7,777")
    expect(page.locator(".readout")).to_contain_text("9999")


def test_charts_are_fetched_when_they_come_into_view(page: Page, site: Site) -> None:
    run_id = site.run("0", "thousand", metrics={f"m{number:04}": number for number in range(1000)})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/series" in request.url else None)
    page.goto(f"/runs/{run_id}/charts")
    expect(page.locator(".chart")).to_have_count(1000)
    expect(chart(page, "m0000").locator("svg path.dots").first).to_be_attached()
    assert len(asked) < 40

    chart(page, "m0990").scroll_into_view_if_needed()

    expect(chart(page, "m0990").locator("svg")).to_be_visible()
    assert len(asked) < 120


def test_a_folded_section_is_drawn_when_it_is_opened(page: Page, run_id: str) -> None:
    page.goto(f"/runs/{run_id}/charts")
    expect(chart(page, "system/cpu")).to_be_hidden()

    page.get_by_role("heading", name="system").click()

    expect(chart(page, "system/cpu").locator("svg")).to_be_visible()


def test_curves_grow_while_the_run_goes_on(page: Page, site: Site) -> None:
    run_id = site.run("0", "live", status="RUNNING")
    site.curve(run_id, "loss", [1.0, 2.0])
    page.clock.install()
    page.goto(f"/runs/{run_id}/charts")
    expect(chart(page, "loss").locator(".across")).to_have_text("0step1")
    drawn(page, "loss")

    site.curve(run_id, "loss", [1.0, 2.0, 3.0, 44.0])
    page.clock.run_for(6_000)

    expect(chart(page, "loss").locator(".across")).to_have_text("0step3")
    expect(chart(page, "loss").locator(".last")).to_have_text("44")


def test_a_chart_fills_the_window_and_is_saved(page: Page, run_id: str, tmp_path: Path) -> None:
    page.goto(f"/runs/{run_id}/charts")
    page.get_by_role("button", name="Enlarge train/loss").click()
    large = page.get_by_role("dialog", name="train/loss")
    expect(large.locator(".scatterlayer .js-line").first).to_be_visible()

    with page.expect_download() as saved:
        large.get_by_role("button", name="CSV").click()
    assert saved.value.suggested_filename == "train-loss.csv"
    rows = Path(saved.value.path()).read_text().splitlines()
    assert rows[0] == "run,metric,step,timestamp,value"
    assert rows[2] == '"curves","train/loss",1,1700000001000,50'
    assert len(rows) == 101

    with page.expect_download() as picture:
        large.get_by_role("button", name="PNG").click()
    assert Path(picture.value.path()).read_bytes().startswith(b"\x89PNG")

    large.get_by_role("button", name="Close").click()
    expect(large).to_be_hidden()


def test_looking_closer_at_a_large_chart_fetches_more_detail(page: Page, site: Site) -> None:
    run_id = site.run("0", "long")
    site.curve(run_id, "loss", [float(step % 17) for step in range(20_000)])
    page.goto(f"/runs/{run_id}/charts")
    page.get_by_role("button", name="Enlarge loss").click()
    surface = page.locator(".large-chart .nsewdrag").first
    with page.expect_response(lambda reply: "points=2000" in reply.url):
        expect(surface).to_be_visible()
    box = surface.bounding_box()
    assert box is not None

    with page.expect_response(lambda reply: "from=" in reply.url) as fetched:
        page.mouse.move(box["x"] + 300, box["y"] + 100)
        page.mouse.down()
        page.mouse.move(box["x"] + 310, box["y"] + 102, steps=3)
        page.mouse.move(box["x"] + 340, box["y"] + 102, steps=3)
        page.mouse.up()

    (found,) = json.loads(fetched.value.text())["series"]
    assert found["whole"]


def test_plotly_is_not_fetched_before_a_chart_is_enlarged(page: Page, run_id: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"/runs/{run_id}/charts")
    drawn(page, "train/loss")

    assert not any("plotly.min" in address for address in asked)


def test_ugly_names_and_values_keep_the_page_in_shape_and_axe_content(page: Page, site: Site) -> None:
    run_id = site.run("0", "y" * 400)
    site.curve(run_id, "n" * 240, [1.0, 2.0])
    site.curve(run_id, "שלום/מדד", [1.0, 2.0])
    site.curve(run_id, "p" * 100 + "/" + "q" * 100, [1e300, -1e300])
    site.curve(run_id, "nothing", ["NaN", "NaN"])  # type: ignore[list-item]  # as the wire has it
    site.curve(run_id, "endless", [1.0, "Infinity", 3.0])  # type: ignore[list-item]  # as above
    for width in (360, 768, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(f"/runs/{run_id}/charts")
        drawn(page, "n" * 240)
        assert not too_wide(page), width
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert axe_violations(page) == []
