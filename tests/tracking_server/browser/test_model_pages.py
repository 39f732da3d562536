"""The model registry and the logged models of an experiment, in a real browser on a real server."""

from __future__ import annotations

import json

from playwright.sync_api import Page, expect

from tests.tracking_server.browser.site import Site, axe_violations, too_wide

MLMODEL = """flavors:
  python_function:
    loader_module: mlflow.sklearn
signature:
  inputs: '[{"type": "double", "name": "alcohol", "required": true}, {"type": "tensor", "tensor-spec":
    {"dtype": "float32", "shape": [-1, 28]}, "name": "image"}]'
  outputs: '[{"type": "long", "required": false}]'
  params: '[{"name": "temperature", "default": 1.5, "shape": null, "type": "double"}]'
"""


def registered(site: Site, name: str, *, versions: int = 1, tags: dict[str, str] | None = None) -> list[str]:
    """A registered model with versions, each of a run of its own; the ids of the runs."""
    pairs = [{"key": key, "value": value} for key, value in (tags or {}).items()]
    site.post("registered-models/create", name=name, tags=pairs)
    experiment = site.experiment(f"of {name}")
    runs = []
    for number in range(1, versions + 1):
        run_id = site.run(
            experiment, f"{name}-run-{number}", params={"depth": number}, metrics={"rmse": 1 / number}
        )
        site.artifact(experiment, run_id, "model/MLmodel", MLMODEL.encode())
        site.post("model-versions/create", name=name, source=f"runs:/{run_id}/model", run_id=run_id)
        runs.append(run_id)
    return runs


def test_an_empty_registry_teaches_how_to_register(page: Page, site: Site) -> None:
    page.goto("/models")

    expect(page.get_by_role("heading", name="No registered models yet")).to_be_visible()
    expect(page.get_by_text("mlflow.register_model")).to_be_visible()
    expect(page.get_by_role("link", name="Models", exact=True)).to_have_attribute("aria-current", "page")


def test_a_model_is_made_described_renamed_and_deleted(page: Page, site: Site) -> None:
    page.goto("/models")
    page.get_by_role("button", name="New model").click()
    page.get_by_label("Name", exact=True).fill("draft")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", name="draft")).to_be_visible()
    expect(page.get_by_role("heading", name="No versions yet")).to_be_visible()

    page.get_by_role("button", name="Edit the description").click()
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)> [x](javascript:alert(1))"
    page.get_by_label("Description, in Markdown").fill(f"# Purpose\n\nPredicts **quality**. {evil}")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Purpose")).to_be_visible()
    expect(page.locator(".prose strong")).to_have_text("quality")
    assert page.locator(".prose script, .prose [onerror], .prose a[href^=javascript]").count() == 0

    page.get_by_role("button", name="Rename").first.click()
    page.get_by_label("Name", exact=True).fill("final")
    page.get_by_role("button", name="Rename").last.click()
    expect(page.get_by_role("heading", name="final")).to_be_visible()
    assert page.url.endswith("/models/final")

    page.get_by_role("button", name="Delete").first.click()
    page.get_by_label("Type its name to confirm").fill("draft")
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("Nothing was deleted")).to_be_visible()
    page.goto("/models/final")
    page.get_by_role("button", name="Delete").first.click()
    page.get_by_label("Type its name to confirm").fill("final")
    page.get_by_role("button", name="Delete for good").click()
    page.wait_for_url("**/models")
    expect(page.get_by_role("link", name="final")).to_have_count(0)


def test_models_are_found_by_name_and_by_filter_and_prompts_are_none(page: Page, site: Site) -> None:
    registered(site, "red wine", tags={"team": "red"})
    registered(site, "white wine", tags={"team": "white"})
    site.post(
        "registered-models/create",
        name="a wine prompt",
        tags=[{"key": "mlflow.prompt.is_prompt", "value": "true"}],
    )
    page.goto("/models")
    page.get_by_label("Search by name, or filter").fill("WINE")
    page.get_by_role("button", name="Search").click()
    names = page.get_by_role("rowheader")
    expect(names).to_have_text(["white wine", "red wine"])

    page.get_by_role("link", name="Name").click()
    expect(names).to_have_text(["red wine", "white wine"])
    assert "search=WINE" in page.url

    page.get_by_label("Search by name, or filter").fill("tags.team = 'red'")
    page.get_by_role("button", name="Search").click()
    expect(names).to_have_text(["red wine"])

    page.get_by_label("Search by name, or filter").fill("tags.team =")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("alert")).to_be_visible()

    page.goto("/models/a wine prompt")
    expect(page.get_by_role("heading", name="Not found")).to_be_visible()


def test_aliases_and_tags_are_given_and_taken(page: Page, site: Site) -> None:
    registered(site, "marked", versions=2)
    page.goto("/models/marked")
    page.get_by_role("button", name="Add alias").click()
    page.get_by_label("Alias").last.fill("champion")
    page.get_by_label("Version", exact=True).fill("1")
    page.get_by_role("button", name="Give alias").click()
    first = page.get_by_role("row").filter(has_text="Version 1")
    expect(first).to_contain_text("@champion")

    page.get_by_role("button", name="Add tag").click()
    page.get_by_label("Tag", exact=True).fill("team")
    page.get_by_label("Value").fill("blue")
    page.get_by_role("button", name="Set tag").click()
    expect(page.get_by_text("team: blue")).to_be_visible()
    page.goto("/models?search=marked")
    expect(page.get_by_role("link", name="@champion → 1")).to_be_visible()
    expect(page.get_by_text("team: blue")).to_be_visible()

    page.goto("/models/marked")
    page.get_by_role("button", name="Remove tag team").click()
    expect(page.get_by_text("team: blue")).to_have_count(0)
    page.get_by_role("button", name="Remove alias champion").click()
    expect(first).not_to_contain_text("@champion")


def test_a_version_leads_to_its_run_and_the_run_of_a_comparison_back(page: Page, site: Site) -> None:
    runs = registered(site, "linked", versions=2)
    page.goto("/models/linked")
    page.get_by_role("link", name="Version 2").click()
    expect(page.get_by_role("heading", name="linked version 2")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="rmse")).to_contain_text("0.5")
    expect(page.get_by_role("row").filter(has_text="depth")).to_contain_text("2")
    page.get_by_role("link", name="linked-run-2").click()
    assert page.url.endswith(f"/runs/{runs[1]}")

    page.goto(f"/compare?run={runs[0]}&run={runs[1]}")
    page.get_by_role("link", name="linked 1").click()
    assert page.url.endswith("/models/linked/versions/1")


def test_a_version_shows_what_its_model_takes_and_gives(page: Page, site: Site) -> None:
    registered(site, "signed")
    page.goto("/models/signed/versions/1")

    expect(page.get_by_role("row").filter(has_text="alcohol")).to_contain_text("double")
    expect(page.get_by_role("row").filter(has_text="image")).to_contain_text("tensor of float32")
    expect(page.get_by_role("row").filter(has_text="long")).to_contain_text("optional")
    expect(page.get_by_role("row").filter(has_text="temperature")).to_contain_text("default 1.5")


def test_a_version_changes_its_stage_and_drives_others_out(page: Page, site: Site) -> None:
    registered(site, "staged", versions=2)
    for number in (1, 2):
        page.goto(f"/models/staged/versions/{number}")
        page.get_by_role("button", name="Stage").click()
        page.get_by_label("Stage", exact=True).select_option("Production")
        page.get_by_label("Archive other versions").check()
        page.get_by_role("button", name="Move").click()
        expect(page.locator(".heading .tag")).to_have_text("Production")

    page.goto("/models/staged")
    expect(page.get_by_role("row").filter(has_text="Version 1")).to_contain_text("Archived")

    page.goto("/models/staged/versions/2")
    page.get_by_role("button", name="Stage").click()
    page.get_by_label("Stage", exact=True).select_option("Archived")
    page.get_by_label("Archive other versions").check()
    page.get_by_role("button", name="Move").click()
    expect(page.locator(".heading .tag")).to_have_text("Archived")


def test_a_version_is_described_tagged_aliased_and_deleted(page: Page, site: Site) -> None:
    registered(site, "edited", versions=2)
    page.goto("/models/edited/versions/2")
    page.get_by_role("button", name="Edit the description").click()
    page.get_by_label("Description, in Markdown").fill("Trained on *clean* data.\n\nSecond line.")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".prose em")).to_have_text("clean")

    page.get_by_role("button", name="Add tag").click()
    page.get_by_label("Tag", exact=True).fill("checked")
    page.get_by_label("Value").fill("yes")
    page.get_by_role("button", name="Set tag").click()
    expect(page.get_by_text("checked: yes")).to_be_visible()
    page.get_by_role("button", name="Remove tag checked").click()
    expect(page.get_by_text("checked: yes")).to_have_count(0)

    page.get_by_role("button", name="Add alias").click()
    page.get_by_label("Alias").last.fill("best")
    page.get_by_role("button", name="Give alias").click()
    expect(page.get_by_text('load_model("models:/edited@best")')).to_be_visible()
    assert page.url.endswith("/models/edited/versions/2")
    page.get_by_role("button", name="Remove alias best").click()
    expect(page.get_by_text('load_model("models:/edited/2")')).to_be_visible()

    page.get_by_role("button", name="Delete").first.click()
    page.get_by_role("button", name="Delete version 2").click()
    page.wait_for_url("**/models/edited")
    expect(page.get_by_role("link", name="Version 2")).to_have_count(0)
    expect(page.get_by_role("link", name="Version 1")).to_be_visible()


def test_versions_are_compared_by_their_runs(page: Page, site: Site) -> None:
    runs = registered(site, "rivals", versions=3)
    page.goto("/models/rivals")
    page.get_by_label("Compare version 1").check()
    page.get_by_label("Compare version 3").check()
    page.get_by_role("button", name="Compare the runs").click()
    expect(page.get_by_role("heading", name="2 runs compared")).to_be_visible()

    page.goto("/models/rivals/versions/3")
    page.get_by_role("button", name="Compare").first.click()
    page.get_by_label("With the run of").select_option("Version 2")
    page.get_by_role("button", name="Compare").last.click()
    expect(page.get_by_role("heading", name="2 runs compared")).to_be_visible()
    assert f"baseline={runs[2]}" in page.url


def test_many_versions_have_pages(page: Page, site: Site) -> None:
    site.post("registered-models/create", name="many")
    for _ in range(52):
        site.post("model-versions/create", name="many", source="s3://elsewhere/model")
    page.goto("/models/many")
    expect(page.get_by_role("link", name="Version 52")).to_be_visible()
    page.get_by_role("link", name="Older versions").click()
    expect(page.get_by_role("link", name="Version 1", exact=True)).to_be_visible()
    page.get_by_role("link", name="Newest versions").click()
    expect(page.get_by_role("link", name="Version 52")).to_be_visible()


def test_logged_models_of_an_experiment_are_listed(page: Page, site: Site) -> None:
    experiment = site.experiment("with models")
    page.goto(f"/experiments/{experiment}/models")
    expect(page.get_by_role("heading", name="No logged models yet")).to_be_visible()

    run_id = site.run(experiment, "maker")
    made = site.post(
        "logged-models",
        experiment_id=experiment,
        name="forest",
        model_type="classifier",
        source_run_id=run_id,
    )
    model_id = made["model"]["info"]["model_id"]
    points = [{"key": "accuracy", "value": 0.875, "timestamp": 1, "step": 0, "model_id": model_id}]
    site.post("runs/log-batch", run_id=run_id, metrics=points)
    ready = {"status": "LOGGED_MODEL_READY"}
    assert site.http.patch(f"/api/2.0/mlflow/logged-models/{model_id}", json=ready).status_code == 200
    site.post("registered-models/create", name="forests")
    site.post("model-versions/create", name="forests", source=f"models:/{model_id}", model_id=model_id)
    page.reload()

    line = page.get_by_role("row").filter(has_text="forest")
    for words in ("Ready", "classifier", "maker", "forests 1", "0.875"):
        expect(line).to_contain_text(words)
    page.get_by_role("link", name="forests 1").click()
    page.get_by_role("link", name="forest", exact=True).click()
    expect(page.get_by_label("Filter")).to_have_value(f"model_id = '{model_id}'")
    expect(page.get_by_role("row").filter(has_text="forest")).to_have_count(1)

    page.get_by_label("Filter").fill("metrics.accuracy >")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_role("link", name="All logged models").click()
    expect(page.get_by_role("row").filter(has_text="forest")).to_have_count(1)


def test_ugly_data_keeps_the_pages_in_shape_and_axe_content(page: Page, site: Site) -> None:
    ugly = {"k" * 200: "v" * 3000, "emoji": "🍷" * 100}
    names = ["x" * 256, "שלום 🍷 <b>?&#%", "a b"]
    for name in names:
        registered(site, name, tags=ugly, versions=2)
        site.post("registered-models/alias", name=name, alias="a" * 255, version="1")
    experiment = site.experiment("ugly models")
    site.post("logged-models", experiment_id=experiment, name="y" * 400, model_type="z" * 400)
    addresses = ["/models", f"/experiments/{experiment}/models"]
    page.goto("/models?search=" + names[1][:4])
    page.get_by_role("rowheader").get_by_role("link").click()
    addresses.append(page.url)
    page.get_by_role("link", name="Version 1").click()
    addresses += [page.url, "/models/" + names[0], "/models/" + names[0] + "/versions/2"]
    for address in addresses:
        for width in (360, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            page.goto(address)
            expect(page.get_by_role("heading", level=1)).not_to_have_text("Not found")
            assert not too_wide(page), (address, width)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert axe_violations(page) == [], json.dumps([address, scheme])
