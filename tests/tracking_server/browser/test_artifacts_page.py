"""The viewer of artifacts: every kind of file, real ones, in a real browser on a real server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from tests.tracking_server.browser import real_files
from tests.tracking_server.browser.site import Site, axe_violations, too_wide, without_scripts

Put = Callable[[str, bytes], str]


@pytest.fixture
def run_id(site: Site, request: pytest.FixtureRequest) -> str:
    experiment = site.experiment(f"artifacts of {request.node.name}"[:400])
    return site.run(experiment, "a run")


@pytest.fixture
def put(site: Site, run_id: str) -> Put:
    """Stores a file among the artifacts of the test's run, and gives the address that shows it."""
    experiment = site.http.get("/api/2.0/mlflow/runs/get", params={"run_id": run_id}).json()

    def store(path: str, content: bytes) -> str:
        site.artifact(experiment["run"]["info"]["experiment_id"], run_id, path, content)
        return f"/runs/{run_id}/artifacts?{urlencode({'path': path})}"

    return store


def test_directories_open_a_level_at_a_time(page: Page, put: Put, run_id: str) -> None:
    put("plots/train/loss.txt", b"falling")
    put("plots/eval.txt", b"x")
    put("notes.txt", b"1" * 2500)
    page.goto(f"/runs/{run_id}")
    page.get_by_role("link", name="Artifacts", exact=True).click()
    tree = page.get_by_role("navigation", name="Files")
    expect(tree.get_by_role("link")).to_contain_text(["All files", "plots", "notes.txt"])
    expect(tree.get_by_role("link", name="notes.txt")).to_contain_text("2.5 kB")

    tree.get_by_role("link", name="plots").click()
    expect(tree.get_by_role("link", name="plots")).to_have_attribute("aria-expanded", "true")
    tree.get_by_role("link", name="train").click()
    tree.get_by_role("link", name="loss.txt").click()

    expect(page.get_by_text("falling")).to_be_visible()
    expect(tree.get_by_role("link", name="loss.txt")).to_have_attribute("aria-current", "page")
    page.get_by_role("heading", level=2).get_by_role("link", name="plots").click()
    expect(page.get_by_role("table").get_by_role("link", name="eval.txt")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("falling")).to_be_visible()


def test_files_are_found_by_name_within_the_directory(page: Page, put: Put) -> None:
    put("a/deep/Model.bin", b"x")
    put("b/model.txt", b"the text")
    page.goto(put("a/other.txt", b"x"))
    page.get_by_label("Find files by name in a").fill("MODEL")
    page.get_by_label("Find files by name in a").press("Enter")
    table = page.get_by_role("table", name="Files that were found")
    expect(table.get_by_role("link")).to_have_text(["a/deep/Model.bin"])
    page.get_by_role("navigation", name="Files").get_by_role("link", name="All files").click()
    page.get_by_label("Find files by name").fill("model")
    page.get_by_label("Find files by name").press("Enter")
    table.get_by_role("link", name="b/model.txt").click()
    expect(page.get_by_text("the text")).to_be_visible()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP"])
def test_pictures_are_shown(page: Page, put: Put, kind: str) -> None:
    page.goto(put(f"picture.{kind.lower()}", real_files.picture(kind)))
    expect(page.get_by_role("img", name="picture")).to_have_js_property("naturalWidth", 64)


def test_an_svg_is_shown_as_a_picture_and_runs_nothing(page: Page, put: Put) -> None:
    evil = real_files.SVG.replace(
        b"<rect", b'<script>top.document.title = "taken"; document.title = "taken"</script><rect'
    )
    page.goto(put("mark.svg", evil))
    picture = page.get_by_role("img", name="mark.svg")
    expect(picture).to_have_js_property("naturalWidth", 120)
    assert "taken" not in page.title()
    page.get_by_role("link", name="Source").click()
    expect(page.get_by_text("<script>")).to_be_visible()


def test_an_svg_alone_in_a_tab_runs_nothing(page: Page, put: Put, site: Site, run_id: str) -> None:
    put(
        "mark.svg",
        real_files.SVG.replace(b"<rect", b'<script>document.documentElement.id = "taken"</script><rect'),
    )
    browser = page.context.browser
    assert browser is not None
    with browser.new_context(base_url=site.url) as context:  # the refusal is noted on its console
        alone = context.new_page()
        alone.goto(f"/runs/{run_id}/artifacts/raw?path=mark.svg")
        assert alone.evaluate("document.documentElement.id") == ""
        assert alone.evaluate("self.origin") == "null"


def test_sound_and_film_play_and_can_be_sought(page: Page, put: Put) -> None:
    page.goto(put("tone.wav", real_files.sound(2)))
    sound = page.locator("audio")
    expect(sound).to_have_js_property("duration", 2)
    sound.evaluate("audio => new Promise(done => { audio.onseeked = done; audio.currentTime = 1.5; })")
    assert sound.evaluate("audio => audio.currentTime") == 1.5

    page.goto(put("film.webm", real_files.film(page)))
    expect(page.locator("video")).to_have_js_property("videoWidth", 64)
    expect(page.locator("video")).to_have_js_property("error", None)


def test_a_pdf_is_shown_by_the_browsers_own_viewer(page: Page, put: Put) -> None:
    with page.expect_request(lambda request: request.url.startswith("chrome-extension://")):
        page.goto(put("report.pdf", real_files.pdf("Hello")))
    expect(page.locator("iframe")).to_be_visible()


def test_html_runs_in_a_sandbox_that_holds(page: Page, put: Put, site: Site) -> None:
    """It draws with scripts of its own; it reads no page, cookie or storage of ours, and reaches nobody."""
    tries = {
        "parent": "parent.document.title",
        "top": "top.location.href",
        "cookie": "document.cookie",
        "storage": "localStorage.length",
        "frame": "parent.frames[0].document.body.innerHTML.length, frameElement.id",
    }
    script = "".join(
        f"try {{ {code}; note('{name} open'); }} catch (error) {{ note('{name} closed'); }}"
        for name, code in tries.items()
    )
    content = f"""<!doctype html><ul id="notes"></ul><script>
      function note(text) {{ const line = document.createElement("li"); line.textContent = text;
        document.getElementById("notes").append(line); }}
      note("origin " + self.origin);
      {script}
      fetch("/api/2.0/mlflow/experiments/search", {{method: "POST"}}).then(
        () => note("fetch open"), () => note("fetch closed"));
      fetch("{site.url}/health").then(() => note("health open"), () => note("health closed"));
      try {{ note(window.open("/") ? "window open" : "window closed"); }} catch {{ note("window closed"); }}
      const picture = new Image(); picture.onload = () => note("picture open");
      picture.onerror = () => note("picture closed"); picture.src = "/static/x/mark.svg";
      const form = document.createElement("form"); form.method = "post"; form.action = "/experiments/create";
      document.body.append(form); form.submit();
      try {{ top.location = "/experiments/0"; note("way open"); }} catch {{ note("way closed"); }}
    </script>"""
    address = put("report.html", content.encode())
    browser = page.context.browser
    assert browser is not None
    with browser.new_context(base_url=site.url) as context:  # what is refused is noted on its console
        looking = context.new_page()
        looking.goto(address)
        notes = looking.frame_locator("iframe").get_by_role("listitem")
        for name in (*tries, "fetch", "health", "window", "picture", "way"):
            expect(notes.filter(has_text=f"{name} closed")).to_have_count(1)
        expect(notes.filter(has_text="origin null")).to_have_count(1)
        expect(notes.filter(has_text="open")).to_have_count(0)
        assert looking.url == site.url + address


def test_html_cannot_lead_its_frame_to_another_host(page: Page, put: Put, site: Site) -> None:
    address = put("away.html", b"<p>here</p><script>location = 'http://192.0.2.1/?stolen'</script>")
    browser = page.context.browser
    assert browser is not None
    with browser.new_context(base_url=site.url) as context:
        looking = context.new_page()
        asked: list[str] = []
        looking.on("request", lambda request: asked.append(request.url))
        with looking.expect_console_message(lambda message: "frame-src" in message.text):
            looking.goto(address)
        assert [url for url in asked if not url.startswith(site.url)] == []


def test_html_alone_in_a_tab_is_downloaded(page: Page, put: Put, run_id: str) -> None:
    put("report.html", b"<script>document.title = 'taken'</script>")
    page.goto(f"/runs/{run_id}/artifacts")
    with page.expect_download() as download:
        page.evaluate(f"location = '/runs/{run_id}/artifacts/raw?path=report.html'")
    assert download.value.suggested_filename == "report.html"
    assert page.url.endswith("/artifacts")


def test_html_draws_with_scripts_and_styles_it_holds_itself(page: Page, put: Put) -> None:
    page.goto(
        put(
            "report.html",
            b'<style>p{color:rgb(1,2,3)}</style><p>no</p><script>eval(\'document.querySelector("p").textContent = "drawn"\')</script>',
        )
    )
    drawn = page.frame_locator("iframe").get_by_text("drawn")
    expect(drawn).to_have_css("color", "rgb(1, 2, 3)")
    page.get_by_role("link", name="Source").click()
    expect(page.locator("pre")).to_contain_text("eval(")


def test_text_has_line_numbers_and_wraps_when_asked(page: Page, put: Put) -> None:
    page.goto(put("train.py", b"import os\n\n" + b"x = 1  # " + b"long " * 200 + b"\n"))
    code = page.locator("pre.code")
    lines = code.locator("span")
    expect(lines).to_have_count(3)
    assert lines.nth(2).evaluate("line => getComputedStyle(line, '::before').content") == "counter(line)"
    assert code.evaluate("code => code.scrollWidth > code.clientWidth")

    page.get_by_role("link", name="Wrap lines").click()

    assert "wrap=1" in page.url
    assert not page.locator("pre.code").evaluate("code => code.scrollWidth > code.clientWidth")
    page.get_by_role("link", name="Do not wrap lines").click()
    expect(page.get_by_role("link", name="Wrap lines", exact=True)).to_be_visible()


def test_csv_is_a_table_with_numbers_aligned(page: Page, put: Put) -> None:
    rows = "".join(f'"row {number}, quoted",{number * 1.5}\n' for number in range(1500))
    page.goto(put("scores.csv", f"name,score\nshort\na,1,extra\n{rows}".encode()))
    table = page.get_by_role("region", name="scores.csv")
    expect(table.get_by_role("row")).to_have_count(1001)
    expect(table.get_by_role("cell", name="row 2, quoted")).to_be_visible()
    expect(table.get_by_role("cell", name="3.0", exact=True)).to_have_css("text-align", "right")
    expect(page.get_by_text("The first 1,000 of 1,502 rows.")).to_be_visible()
    expect(page.get_by_text("2 rows with another number of cells than the header.")).to_be_visible()
    page.get_by_role("link", name="Open the whole file").click()
    assert "row 1499, quoted" in page.inner_text("body")


def test_a_table_that_was_logged_shows_its_pictures(page: Page, put: Put) -> None:
    put("images/a.webp", real_files.picture("WEBP", 32, 32))
    put("images/a.png", real_files.picture("PNG"))
    image = {"type": "image", "filepath": "images/a.png", "compressed_filepath": "images/a.webp"}
    table = {"columns": ["prompt", "score", "image"], "data": [["a <b> c", 0.5, image], ["d", None, None]]}
    page.goto(put("predictions.json", json.dumps(table).encode()))
    expect(page.get_by_role("cell", name="a <b> c")).to_be_visible()
    expect(page.get_by_role("cell", name="0.5")).to_have_css("text-align", "right")
    picture = page.get_by_role("img", name="a.png")
    expect(picture).to_have_js_property("naturalWidth", 32)
    picture.click()
    expect(page.get_by_role("heading", name="images / a.png")).to_be_visible()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", b'{"model": {"layers": [1, 2.50]}, "empty": []}'),
        ("place.geojson", b'{"model": {"layers": [1, 2.50]}, "empty": []}'),
        ("config.yaml", b"model:\n  layers: [1, 2.50]\nempty: []\n"),
    ],
)
def test_json_and_yaml_fold(page: Page, put: Put, name: str, content: bytes) -> None:
    page.goto(put(name, content))
    outline = page.locator(".outline")
    expect(outline.get_by_text("2.50")).to_be_visible()
    outline.locator("summary").filter(has_text="model").click()
    expect(outline.get_by_text("2.50")).to_be_hidden()
    expect(outline.get_by_text("0 items")).to_be_visible()
    page.get_by_role("link", name="Source").click()
    expect(page.locator("pre")).to_contain_text("2.50")


def test_markdown_is_formatted_with_the_pictures_beside_it(page: Page, put: Put) -> None:
    put("docs/plots/a.png", real_files.picture("PNG"))
    text = "# Wine\n\n*how* it went\n\n![a plot](plots/a.png)\n\n<script>document.title = 'taken'</script>\n"
    page.goto(put("docs/README.md", text.encode()))
    expect(page.get_by_role("heading", name="Wine")).to_be_visible()
    expect(page.get_by_role("img", name="a plot")).to_have_js_property("naturalWidth", 64)
    expect(page.locator("main script")).to_have_count(0)
    assert "taken" not in page.title()


def test_a_models_directory_says_how_to_load_and_call_it(
    page: Page, put: Put, run_id: str, tmp_path: Path
) -> None:
    for name, content in real_files.model(tmp_path / "model").items():
        put(f"model/{name}", content)
    page.goto(f"/runs/{run_id}/artifacts?path=model")
    expect(page.get_by_text(f'tracking_client.pyfunc.load_model("runs:/{run_id}/model")')).to_be_visible()
    expect(page.get_by_text(f'mlflow.sklearn.load_model("runs:/{run_id}/model")')).to_be_visible()
    inputs = page.get_by_role("region", name="Inputs of the model")
    expect(inputs.get_by_role("row")).to_have_text(
        ["NameTypeShapeRequired", "alcoholdoubleyes", "sulphatesdoubleyes"]
    )
    expect(
        page.get_by_role("region", name="Parameters of the model").get_by_role("row").nth(1)
    ).to_contain_text("0.5")
    expect(page.get_by_role("region", name="Outputs of the model")).to_contain_text("tensor of int64")
    expect(page.get_by_role("region", name="Input example").get_by_role("cell", name="12.8")).to_be_visible()
    page.get_by_text("python_function").click()
    expect(page.get_by_text("loader_module")).to_be_visible()
    assert axe_violations(page) == []
    page.get_by_role("table").get_by_role("link", name="MLmodel").click()
    page.get_by_role("link", name="Source").click()
    expect(page.locator("pre")).to_contain_text("flavors:")


def test_what_cannot_be_shown_is_downloaded_and_fetched(page: Page, put: Put, run_id: str) -> None:
    page.goto(put("data/weights.npy", b"\x93NUMPY\x01\x00" + bytes(2000)))
    expect(page.get_by_text("NumPy array, 2.0 kB").last).to_be_visible()
    expect(page.get_by_text(f'download_artifacts("runs:/{run_id}/data/weights.npy")')).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download", exact=True).click()
    assert download.value.suggested_filename == "weights.npy"
    assert Path(download.value.path()).stat().st_size == 2008


def test_a_path_is_copied(page: Page, put: Put, run_id: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(put("plots/a.txt", b"x"))
    page.get_by_role("button", name="Copy path").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == f"runs:/{run_id}/plots/a.txt"


def test_a_directory_of_many_files_is_turned_by_pages(page: Page, site: Site, put: Put, run_id: str) -> None:
    for number in range(205):
        put(f"many/f{number:03}.txt", b"x")
    page.goto(f"/runs/{run_id}/artifacts?path=many")
    table = page.get_by_role("table", name="Files in this directory")
    expect(table.get_by_role("link")).to_have_count(200)
    page.get_by_role("link", name="Next 200").click()
    expect(table.get_by_role("link")).to_have_count(5)
    table.get_by_role("link", name="f204.txt").click()
    tree = page.get_by_role("navigation", name="Files")
    expect(tree.get_by_role("link", name="f204.txt")).to_be_in_viewport()
    page.get_by_role("link", name="More of many").click()
    page.get_by_role("link", name="Next 200").click()
    page.get_by_role("link", name="First page").click()
    expect(table.get_by_role("link", name="f000.txt")).to_be_visible()


def test_a_logged_models_files_are_shown_too(page: Page, site: Site) -> None:
    experiment = site.experiment("logged")
    made = site.post("logged-models", experiment_id=experiment, name="forest")["model"]["info"]
    site.artifact(experiment, f"models/{made['model_id']}", "notes.txt", b"of the forest")
    page.goto(f"/logged-models/{made['model_id']}/artifacts")
    page.get_by_role("table").get_by_role("link", name="notes.txt").click()
    expect(page.get_by_text("of the forest")).to_be_visible()
    assert axe_violations(page) == []


def test_everything_reads_and_links_without_scripts(page: Page, put: Put, site: Site) -> None:
    address = put("a/config.json", b'{"key": "value"}')
    with without_scripts(page, site) as plain:
        plain.goto(address)
        expect(plain.get_by_text("value")).to_be_visible()
        plain.get_by_role("navigation", name="Files").get_by_role("link", name="a", exact=True).click()
        expect(plain.get_by_role("table").get_by_role("link", name="config.json")).to_be_visible()


def test_ugly_names_keep_the_page_in_shape_and_axe_content(page: Page, put: Put, run_id: str) -> None:
    ugly = f"{'d' * 200}/שלום 🍷 <b>/{'x' * 240}.csv"
    addresses = [
        put(ugly, ("c" * 5000 + ",🍷\n" + "1,שלום\n").encode()),
        put("long.txt", ("שלום " * 2000 + "\n").encode()),
        put("deep.json", (b'{"a":' * 40 + b'"%s"' % (b"y" * 5000) + b"}" * 40)),
        put(
            "notes.md",
            b"w" * 3000 + b"\n\n| a | b |\n|---|---|\n| " + b"z" * 500 + b" | 2 |\n\n    " + b"k" * 900,
        ),
        put("report.html", b"<title>r</title><p>x</p>"),
        f"/runs/{run_id}/artifacts",
        f"/runs/{run_id}/artifacts?find=x",
    ]
    for address in addresses:
        for width in (360, 768, 1280, 1920):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(address)
            assert not too_wide(page), (address, width)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert axe_violations(page) == []
