"""Addresses of MLflow's page, which its clients print, lead to the same things here."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.tracking_server.browser.site import Site


def test_addresses_that_mlflows_clients_print_lead_to_the_same_things(page: Page, site: Site) -> None:
    experiment = site.experiment("old addresses")
    run, other = site.run(experiment, "a run"), site.run(experiment, "another run")
    site.post("registered-models/create", name="a model")
    for old, new in (
        (f"#/experiments/{experiment}", f"/experiments/{experiment}"),
        (f"#/experiments/{experiment}/runs/{run}", f"/runs/{run}"),
        (f"#/experiments/{experiment}/runs/{run}/artifacts/model", f"/runs/{run}/artifacts"),
        (f"#/experiments/{experiment}/models", f"/experiments/{experiment}/models"),
        ("#/models/a%20model", "/models/a%20model"),
        ("#/models", "/models"),
        (
            f'#/compare-runs?runs=["{run}","{other}"]&experiments=["{experiment}"]',
            f"/compare?run={run}&run={other}",
        ),
    ):
        page.goto("about:blank")
        page.goto(f"/{old}")
        expect(page).to_have_url(site.url + new)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
