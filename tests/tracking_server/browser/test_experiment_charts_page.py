"""The charts of an experiment's runs, in a real browser on a real server."""

from __future__ import annotations

import io
import struct
import zlib
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.tracking_server.browser.site import Site, axe_violations, too_wide, without_scripts


@pytest.fixture(scope="module")
def experiment(site: Site) -> str:
    """Six runs of three optimizers, each with a curve."""
    made = site.experiment("charted")
    for number in range(6):
        params: dict[str, object] = {
            "lr": 10.0 ** -(1 + number % 3),
            "optimizer": ("adam", "sgd", "שלום")[number % 3],
            "depth": number,
        }
        run_id = site.run(made, f"run-{number}", params=params, metrics={"score": number / 7})
        site.curve(run_id, "loss", [number + 10.0 / (1 + step) for step in range(50)])
    return made


def address(experiment: str, *charts: dict[str, object], **fields: str) -> str:
    pairs = [("chart", urlencode(chart, doseq=True)) for chart in charts]
    return f"/experiments/{experiment}/charts?{urlencode([*pairs, *fields.items()])}"


def chart(page: Page, title: str) -> Locator:
    return page.locator(f'.chart[data-title="{title}"]')


def drawn(page: Page, title: str) -> Locator:
    """A chart of values, once Plotly or a script of ours has drawn it."""
    found = chart(page, title)
    found.scroll_into_view_if_needed()
    expect(found).to_have_attribute("data-drawn", "", timeout=20_000)
    return found


def test_each_run_has_a_line_of_its_own_colour(page: Page, experiment: str) -> None:
    page.goto(address(experiment))

    lines = chart(page, "loss").locator("svg path.line[data-run]")
    expect(lines).to_have_count(6)
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="run-2"))
    run_id, colour = row.get_attribute("data-run"), row.get_attribute("data-colour")
    expect(chart(page, "loss").locator(f'path[data-run="{run_id}"]')).to_have_class(f"line c{colour}")


def test_hovering_names_the_nearest_runs_with_exact_values(page: Page, experiment: str) -> None:
    page.goto(address(experiment, {"kind": "line", "y": "metrics.loss"}))
    expect(chart(page, "loss").locator("svg path.line")).to_have_count(6)
    box = chart(page, "loss").locator(".plot").bounding_box()
    assert box is not None

    page.mouse.move(box["x"] + 2 / 49 * box["width"], box["y"] + 5)

    names = page.locator(".readout dt")
    expect(names).to_have_count(6)
    expect(names.first).to_have_text("run-5")
    expect(page.locator(".readout dd").first).to_have_text(str(5 + 10.0 / 3))


@pytest.mark.parametrize(
    ("band", "spread"), [("range", "(0.2 to 3.2, 2 runs)"), ("std", "(0.2 to 3.2, 2 runs)")]
)
def test_runs_of_one_parameter_are_a_mean_with_a_band(
    page: Page, experiment: str, band: str, spread: str
) -> None:
    page.goto(
        address(experiment, {"kind": "line", "y": "metrics.loss", "group": "params.optimizer", "band": band})
    )
    grouped = chart(page, "loss by optimizer")
    expect(grouped.locator("svg path.band")).to_have_count(3)
    grouped.locator(".plot").focus()

    page.keyboard.press("End")

    adam = page.locator(".readout dt").filter(has_text="adam (2)")
    expect(adam).to_be_visible()
    expect(adam.locator("+ dd")).to_have_text(f"1.7 {spread}")


def test_a_chart_is_added_and_removed_without_scripts(page: Page, site: Site, experiment: str) -> None:
    with without_scripts(page, site) as plain:
        plain.goto(address(experiment))
        plain.get_by_role("button", name="Add chart").click()
        form = plain.locator("form").filter(has=plain.get_by_role("heading", name="Scatter"))
        form.get_by_label("Across").fill("params.lr")
        form.get_by_label("Upwards").fill("metrics.score")
        form.get_by_role("button", name="Add scatter").click()
        expect(chart(plain, "score by lr")).to_be_visible()
        expect(plain.get_by_role("columnheader", name="lr")).to_be_visible()
        expect(
            plain.get_by_role("cell", name="0.857143").or_(plain.get_by_role("cell", name="0.714286"))
        ).to_be_visible()
        assert "chart=" in plain.url

        plain.get_by_role("link", name="Move score by lr forward").click()
        titles = plain.locator(".chart .title").all_inner_texts()
        assert titles[-2] == "score by lr"
        expect(chart(plain, "score by lr")).to_be_in_viewport()

        plain.get_by_role("link", name="Remove score by lr").click()
        expect(chart(plain, "score by lr")).to_have_count(0)
        expect(chart(plain, "loss")).to_be_visible()


def test_a_scatter_has_a_point_a_run_and_says_what_its_colours_mean(page: Page, experiment: str) -> None:
    page.goto(
        address(
            experiment, {"kind": "scatter", "x": "params.lr", "y": "metrics.score", "colour": "params.depth"}
        )
    )
    found = drawn(page, "score by lr")

    expect(found.locator(".scatterlayer .point")).to_have_count(6)
    expect(found.locator(".scale")).to_have_text("depth 05")


def test_bars_name_their_runs_and_lead_to_them(page: Page, experiment: str) -> None:
    page.goto(address(experiment, {"kind": "bar", "y": "metrics.score"}))
    found = drawn(page, "score")
    expect(found.locator(".barlayer .point")).to_have_count(6)
    expect(found.get_by_text("run-4")).to_be_visible()

    box = found.locator(".barlayer .point").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator("tr.is-here")).to_have_count(1)
    page.mouse.down()
    page.mouse.up()

    page.wait_for_url("**/runs/*")


def test_parallel_coordinates_leave_the_runs_of_a_stretch_in_the_table_too(
    page: Page, experiment: str
) -> None:
    axes = ["params.optimizer", "params.depth", "metrics.score"]
    page.goto(address(experiment, {"kind": "parallel", "axis": axes}))
    found = drawn(page, "optimizer, depth, score")
    expect(found.locator("path.run")).to_have_count(6)
    grip = found.locator("rect.grip").nth(1).bounding_box()
    assert grip is not None

    page.mouse.move(grip["x"] + 12, grip["y"] + 2)
    page.mouse.down()
    page.mouse.move(grip["x"] + 12, grip["y"] + grip["height"] * 0.3, steps=4)
    page.mouse.up()

    expect(found).to_have_attribute("data-left", "2")
    expect(found.locator("path.run.is-out")).to_have_count(4)
    expect(page.locator(".chart-values tbody tr:visible")).to_have_count(2)
    page.mouse.click(grip["x"] + 12, grip["y"] + grip["height"] / 2)
    expect(page.locator(".chart-values tbody tr:visible")).to_have_count(6)


def test_histograms_boxes_and_contours_are_drawn(page: Page, experiment: str) -> None:
    page.goto(
        address(
            experiment,
            {"kind": "histogram", "y": "metrics.score", "group": "params.optimizer"},
            {"kind": "box", "y": "metrics.loss", "group": "params.optimizer"},
            {"kind": "contour", "x": "params.lr", "y": "params.depth", "z": "metrics.score"},
        )
    )

    expect(drawn(page, "score by optimizer").locator(".barlayer .trace")).to_have_count(3)
    expect(drawn(page, "loss by optimizer").locator(".boxlayer .trace.boxes")).to_have_count(3)
    contour = drawn(page, "score by lr and depth")
    expect(contour.locator(".contourlayer .contour")).to_have_count(1)
    expect(contour.locator(".scatterlayer .point")).to_have_count(6)


def test_a_chart_of_values_that_no_run_has_says_so(page: Page, experiment: str) -> None:
    page.goto(address(experiment, {"kind": "scatter", "x": "params.none", "y": "metrics.none"}))

    expect(chart(page, "none by none").get_by_text("No run here has these values")).to_be_visible()


def test_images_follow_their_step(page: Page, site: Site) -> None:
    made = site.experiment("pictures")
    run_id = site.run(made, "painter", tags={"mlflow.loggedImages": "True"})
    for step in (0, 5, 10):
        site.artifact(made, run_id, f"images/dogs+step+{step}+timestamp+1+a{step}.png", _png())
    page.goto(address(made, {"kind": "images", "key": "dogs"}))
    picture = page.get_by_role("img", name="dogs of painter at step 10")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 8

    page.get_by_role("slider", name="Step").fill("6")

    expect(page.get_by_role("img", name="dogs of painter at step 5")).to_be_visible()
    assert "step=6" in page.url


def test_settings_and_pattern_stay_in_the_address(page: Page, experiment: str) -> None:
    page.goto(address(experiment))
    page.get_by_label("Charts whose titles match a regular expression").fill("^lo")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".chart")).to_have_count(1)
    page.get_by_label("Smoothing").fill("0.5")
    expect(chart(page, "loss").locator("path.raw")).to_have_count(6)

    page.reload()

    expect(page.locator(".chart")).to_have_count(1)
    expect(chart(page, "loss").locator("path.raw")).to_have_count(6)


def test_charts_take_the_colours_of_the_theme(page: Page, experiment: str) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(address(experiment, {"kind": "bar", "y": "metrics.score"}))
    text = drawn(page, "score").locator(".xtick text").first
    light = text.evaluate("each => getComputedStyle(each).fill")

    page.emulate_media(color_scheme="dark")

    expect(text).not_to_have_css("fill", light)


def test_ugly_names_and_values_keep_the_page_in_shape_and_axe_content(page: Page, site: Site) -> None:
    made = site.experiment("ugly charts")
    values: list[float | str] = [1e300, -1e300, "NaN", "Infinity", 0.5]
    for number, value in enumerate(values):
        name = "y" * 400 if number == 0 else f"<b>שלום 🍷 {number}</b>"
        params: dict[str, object] = {"p" * 200: "🍷" * 200, "lr": number}
        metrics: dict[str, float | str] = {"m" * 200: value, "odd": value}
        site.run(made, name, params=params, metrics=metrics)
    charts: list[dict[str, object]] = [
        {"kind": "bar", "y": "metrics.odd"},
        {"kind": "line", "y": f"metrics.{'m' * 200}"},
        {"kind": "scatter", "x": f"params.{'p' * 200}", "y": "metrics.odd", "colour": "params.lr"},
        {"kind": "parallel", "axis": ["params.lr", "metrics.odd", f"params.{'p' * 200}"]},
        {"kind": "box", "y": "metrics.odd", "group": f"params.{'p' * 200}"},
    ]
    for width in (360, 768, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(address(made, *charts))
        drawn(page, "odd")
        assert not too_wide(page), width
    for figure in page.locator(".chart:not([data-kind=line])").all():
        figure.scroll_into_view_if_needed()
        expect(figure).to_have_attribute("data-drawn", "", timeout=20_000)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert axe_violations(page) == []


def _png() -> bytes:
    """A picture of eight pixels by eight."""
    data = io.BytesIO(b"")

    def part(kind: bytes, content: bytes) -> None:
        data.write(struct.pack(">I", len(content)) + kind + content)
        data.write(struct.pack(">I", zlib.crc32(kind + content)))

    data.write(b"\x89PNG\r\n\x1a\n")
    part(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0))
    part(b"IDAT", zlib.compress(b"".join(b"\0" + bytes(range(0, 256, 32)) for _ in range(8))))
    part(b"IEND", b"")
    return data.getvalue()
