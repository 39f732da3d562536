"""The page of one run, in a real browser on a real server."""

from __future__ import annotations

import re
import time

from playwright.sync_api import Page, expect

from tests.tracking_server.browser.site import Site, axe_violations, too_wide, without_scripts


def test_a_run_is_renamed_deleted_and_restored(page: Page, site: Site) -> None:
    run_id = site.run(site.experiment("of one run"), "first name")
    page.goto(f"/runs/{run_id}")
    page.get_by_role("button", name="Change").click()
    page.get_by_label("Name").fill("second name")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("heading", name="second name")).to_be_visible()

    page.get_by_role("button", name="Change").click()
    page.get_by_role("button", name="Delete this run").click()
    expect(page.get_by_text("This run is deleted.")).to_be_visible()
    expect(page.get_by_role("button", name="Set tag")).to_have_count(0)

    page.get_by_role("button", name="Change").click()
    page.get_by_role("button", name="Restore this run").click()
    expect(page.get_by_role("button", name="Set tag")).to_be_visible()


def test_tags_are_set_and_removed_where_one_searched(page: Page, site: Site) -> None:
    run_id = site.run(site.experiment("tags of a run"), "tagged")
    page.goto(f"/runs/{run_id}?search=team")
    page.get_by_label("Tag", exact=True).fill("team")
    page.get_by_label("Value", exact=True).fill("blue")
    page.get_by_role("button", name="Set tag").click()
    expect(page.get_by_role("row", name="team blue")).to_be_visible()
    assert "search=team" in page.url

    page.get_by_role("button", name="Remove tag team").click()
    expect(page.get_by_role("row", name="team blue")).to_have_count(0)


def test_a_description_is_written_in_markdown(page: Page, site: Site) -> None:
    run_id = site.run(site.experiment("described"), "a run")
    page.goto(f"/runs/{run_id}")
    page.get_by_text("Describe this run").click()
    page.get_by_label("Markdown").fill(
        "# Why\n\nBecause **it works**.\n\n![evil](https://evil.example/x.png)"
    )
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("heading", name="Why", level=3)).to_be_visible()
    expect(page.locator("strong", has_text="it works")).to_be_visible()
    page.get_by_text("Edit the description").click()
    assert page.get_by_label("Markdown").input_value().startswith("# Why\n\nBecause")
    assert axe_violations(page) == []


def test_values_are_narrowed_while_one_types_and_the_address_follows(page: Page, site: Site) -> None:
    params: dict[str, object] = {f"param {number:02}": number for number in range(50)}
    run_id = site.run(site.experiment("searched"), "a run", params=params, metrics={"loss": 1.5})
    page.goto(f"/runs/{run_id}")
    rows = page.locator("#values tbody tr")

    page.get_by_role("searchbox").press_sequentially("param 07")

    expect(page.get_by_role("row", name="param 07 7")).to_be_visible()
    expect(page.get_by_role("row", name="param 08 8")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"\?search=param"))
    expect(page.get_by_role("status")).to_have_text("1 line found")
    page.reload()
    expect(page.get_by_role("searchbox")).to_have_value("param 07")
    expect(rows.filter(has_text="param")).to_have_count(1)
    page.get_by_role("searchbox").fill("")
    expect(rows.filter(has_text="param")).to_have_count(50)
    expect(page).to_have_url(re.compile(rf"/runs/{run_id}$"))


def test_a_run_that_goes_on_is_followed_and_what_one_is_at_stays(page: Page, site: Site) -> None:
    many: dict[str, float | str] = {f"system/{number}": 1 for number in range(3)}
    run_id = site.run(
        site.experiment("followed"),
        "going on",
        params={"lr": 1, "prompt": "long " * 100},
        metrics={"loss": 9, **many},
        status="RUNNING",
    )
    page.clock.install()
    page.goto(f"/runs/{run_id}")
    page.get_by_text("System metrics").click()
    page.locator("details.long summary").click()
    page.get_by_role("searchbox").click()
    site.post("runs/log-metric", run_id=run_id, key="loss", value=0.25, timestamp=1, step=7)

    page.clock.run_for(5_100)

    expect(page.get_by_role("row", name=re.compile("^loss 0.25 7"))).to_be_visible()
    expect(page.get_by_role("rowheader", name="system/2")).to_be_visible()
    expect(page.locator("details.long")).to_have_attribute("open", "")
    expect(page.get_by_role("searchbox")).to_be_focused()
    expect(page.locator("#status")).to_have_text("Running")

    site.post("runs/set-tag", run_id=run_id, key="runner.end_reason", value="exit code 3")
    site.post("runs/update", run_id=run_id, status="FAILED", end_time=int(1000 * time.time()))
    page.clock.run_for(60_000)

    expect(page.locator("#status")).to_have_text(re.compile("^Failed"))
    expect(page.get_by_text("Duration")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(600_000)
    assert asked == []


def test_a_metric_leads_to_its_chart(page: Page, site: Site) -> None:
    metrics: dict[str, float | str] = {f"part/{number:02} a:b": number for number in range(60)}
    run_id = site.run(site.experiment("led"), "many", metrics=metrics)
    page.goto(f"/runs/{run_id}")

    page.get_by_role("link", name="part/57 a:b").click()

    expect(page.locator('.chart[data-metric="part/57 a:b"]')).to_be_in_viewport()
    expect(page.locator('.chart[data-metric="part/57 a:b"] svg')).to_be_visible()


def test_the_id_is_copied(page: Page, site: Site) -> None:
    run_id = site.run(site.experiment("copied"), "a run")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"/runs/{run_id}")

    page.get_by_role("button", name="Copy the id").click()

    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == run_id


def test_children_lead_to_their_pages_and_back(page: Page, site: Site) -> None:
    experiment = site.experiment("nested")
    parent = site.run(experiment, "the sweep", metrics={"rmse": 0.5})
    site.run(experiment, "a trial", parent=parent, metrics={"rmse": 0.7}, params={"lr": 0.1})
    page.goto(f"/runs/{parent}")
    expect(page.get_by_role("row", name=re.compile("a trial Finished .* 0.7 0.1"))).to_be_visible()

    page.get_by_role("link", name="a trial").click()
    page.get_by_text("Part of").locator("..").get_by_role("link", name="the sweep").click()
    page.get_by_role("link", name="All of them as a table").click()
    expect(page.get_by_role("link", name="a trial")).to_be_visible()
    expect(page.get_by_role("link", name="the sweep")).to_have_count(0)


def test_the_page_reads_and_changes_without_scripts(page: Page, site: Site) -> None:
    run_id = site.run(site.experiment("scriptless run"), "a run", params={"lr": 0.1, "depth": 3})
    with without_scripts(page, site) as plain:
        plain.goto(f"/runs/{run_id}")
        plain.get_by_role("searchbox").fill("depth")
        plain.get_by_role("button", name="Search").click()
        expect(plain.get_by_role("row", name="depth 3")).to_be_visible()
        expect(plain.get_by_role("row", name="lr 0.1")).to_have_count(0)
        plain.get_by_text("Describe this run").click()
        plain.get_by_label("Markdown").fill("*plain*")
        plain.get_by_role("button", name="Save").click()
        expect(plain.locator("em", has_text="plain")).to_be_visible()


def test_ten_thousand_parameters_are_searched_at_once(page: Page, site: Site) -> None:
    run_id = site.run(site.experiment("large"), "a run")
    for start in range(0, 10_000, 100):
        some = [{"key": f"p{number:05}", "value": "v" * 50} for number in range(start, start + 100)]
        site.post("runs/log-batch", run_id=run_id, params=some)
    page.goto(f"/runs/{run_id}")
    expect(page.get_by_text("The first 500 of 10,000.")).to_be_visible()

    page.get_by_role("searchbox").fill("p09999")
    expect(page.locator("#values").get_by_role("rowheader", name="p09999")).to_be_visible()

    page.get_by_role("searchbox").fill("")
    page.get_by_role("link", name="Show all").click()
    page.wait_for_url("**all=1")
    expect(page.locator("#values th", has_text="p09999")).to_be_attached()


def test_ugly_values_keep_the_page_in_shape_and_axe_content(page: Page, site: Site) -> None:
    experiment = site.experiment("ugly run")
    parent = site.run(experiment, "p" * 400)
    run_id = site.run(
        experiment,
        "שלום 🍷 " + "x" * 400,
        parent=parent,
        params={"k" * 200: "v" * 5000, "empty": "", "rtl": "שלום", "html": "<b>bold</b>"},
        metrics={"m" * 200: "NaN", "inf": "Infinity", "system/gpu": 1e300},
        tags={
            "t" * 200: "🍷" * 400,
            "mlflow.note.content": "# A\n\n### " + "z" * 500 + "\n\n|a|\n|-|\n|" + "y" * 300,
        },
        status="FAILED",
    )
    site.run(experiment, "c" * 400, parent=run_id, params={"q" * 200: "v" * 500}, metrics={"n" * 200: 1})
    dataset = {"name": "d" * 400, "digest": "1" * 36, "source_type": "http", "source": "s" * 5000}
    site.post(
        "runs/log-inputs", run_id=run_id, datasets=[{"dataset": dataset}], models=[{"model_id": "m" * 60}]
    )
    for width in (360, 768, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(f"/runs/{run_id}")
        page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true; })")
        assert not too_wide(page), width
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert axe_violations(page) == []
