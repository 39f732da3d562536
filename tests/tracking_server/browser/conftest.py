"""One server and one browser a module, one fresh browser context a test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.tracking_server.browser.site import Site, Watched, chromium, serving


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A real server for the tests of a module; each makes experiments of its own."""
    with serving(tmp_path_factory.mktemp("site")) as running:
        yield running


# Not for the session: while it lasts, nothing else of this process can run an event loop.
@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("browser")) as running:
        yield running


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """An empty page. The test fails where a script failed, the policy refused something, or another host was asked."""
    watched = Watched(site)
    with browser.new_context(base_url=site.url, viewport={"width": 1280, "height": 800}) as context:
        context.set_default_timeout(10_000)
        made = context.new_page()
        watched.watch(made)
        yield made
    assert not watched.problems
