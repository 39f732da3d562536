"""Signing in and out, in a real browser on a real server that demands a token."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.tracking_server.browser.site import axe_violations, serving, too_wide

TOKEN = "a-long-token-of-this-test"


@pytest.mark.parametrize("scripts", [True, False])
def test_a_person_signs_in_lands_where_they_wanted_and_signs_out(
    browser: Browser, tmp_path: Path, scripts: bool
) -> None:
    token_file = tmp_path / "token"
    token_file.write_text(TOKEN)
    token_file.chmod(0o600)
    with (
        serving(tmp_path, f"--token-file={token_file}") as site,
        browser.new_context(base_url=site.url, java_script_enabled=scripts) as context,
    ):
        page = context.new_page()
        page.goto("/experiments/0?filter=metrics.loss+%3C+1")
        page.get_by_label("Token").fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_contain_text("no token of this server")
        if scripts:
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                assert axe_violations(page) == []
        page.set_viewport_size({"width": 360, "height": 700})
        if scripts:
            assert not too_wide(page)

        page.get_by_label("Token").fill(TOKEN)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_label("Filter")).to_have_value("metrics.loss < 1")
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Token")).to_be_visible()
        page.goto("/")
        expect(page.get_by_label("Token")).to_be_visible()
