"""How values show themselves: as a line, and in notebooks."""

from __future__ import annotations

import html.parser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tracking_client as tracking
from tracking_client.client import TrackingClient
from tracking_client.tracking_uri import LocalStore
from tracking_client.wire import notebook
from tracking_client.wire.entities import (
    Experiment,
    LoggedModel,
    LoggedModelStatus,
    ModelVersion,
    Run,
    RunInfo,
)

_RUN = Run(
    RunInfo("a1", "7", status="FAILED", run_name="lucid-yak", start_time=0, end_time=1_700_000_000_000)
)
_VALUES: list[tuple[Any, list[str], str | None]] = [
    (_RUN, ["a1", "lucid-yak", "FAILED", "2023-11-14 22:13:20 UTC"], "/runs/a1"),
    (Experiment("7", "wine"), ["7", "wine", "active"], "/experiments/7"),
    (ModelVersion("credit", "3", 0, run_id="a1"), ["credit", "3", "READY"], "/runs/a1"),
    (ModelVersion("credit", "3", 0), ["credit", "3"], None),
    (
        LoggedModel("7", "m-1", "net", "", 0, 0, source_run_id="a1", status=LoggedModelStatus.PENDING),
        ["m-1", "net", "PENDING"],
        "/runs/a1",
    ),
]
_IDS = [type(value).__name__ for value, _, _ in _VALUES]


class _Page(html.parser.HTMLParser):
    """The tags, texts and links of a piece of HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]
        assert {name for name, _ in attrs} <= {"style", "href", "target", "rel"}

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize(("value", "texts", "page"), _VALUES, ids=_IDS)
def test_a_value_shows_who_it_is_how_it_is_and_where_its_page_is(
    value: Any, texts: list[str], page: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:secret@tracking.example/base/?token=secret#x")
    bundle = value._repr_mimebundle_()

    assert set(bundle) == {"text/plain", "text/html"}
    assert bundle["text/plain"] == repr(value)
    shown = _Page(bundle["text/html"])
    assert shown.links == ([] if page is None else [f"https://tracking.example/base{page}"])
    for text in texts:
        assert text in shown.texts
    assert "secret" not in repr(bundle)
    assert texts[0] in repr(value)


def test_a_part_of_the_bundle_can_be_asked_for() -> None:
    assert set(_RUN._repr_mimebundle_(include=["text/html"])) == {"text/html"}
    assert set(_RUN._repr_mimebundle_(exclude=["text/html"])) == {"text/plain"}


@given(st.text(), st.text())
def test_whatever_a_name_holds_it_is_text(name: str, run_id: str) -> None:
    run = Run(RunInfo(run_id, "7", run_name=name))
    shown = _Page(run._repr_html_())

    assert set(shown.tags) <= {"table", "caption", "b", "a", "tbody", "tr", "th", "td"}
    assert all(link.startswith(("http://", "https://")) for link in shown.links)
    assert "\n" not in repr(run)


@pytest.mark.parametrize("address", [None, "", "ftp://x", "javascript:alert(1)", "http://", "http://[", "/x"])
def test_what_a_browser_cannot_open_is_no_link(address: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "_address", lambda: address)
    assert _Page(_RUN._repr_html_()).links == []


def test_an_active_run_links_to_the_server_it_is_on(
    client: TrackingClient, experiment_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tracking.start_run(experiment_id=experiment_id) as run:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere.example")
        shown = _Page(run._repr_html_())
    assert shown.links == [f"{client.tracking_uri}/runs/{run.info.run_id}"]
    assert repr(run).startswith(f"<ActiveRun run_id='{run.info.run_id}' run_name=")


def test_a_local_store_links_to_its_server_where_one_runs_and_starts_none(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store.uri)
    assert _Page(_RUN._repr_html_()).links == []
    client = TrackingClient()
    client.search_experiments()
    token = client.transport.local_server
    assert token is not None
    (link,) = _Page(_RUN._repr_html_()).links
    assert link == f"{token.url}/runs/a1"
    assert token.token is None or token.token not in link


def test_a_tracking_uri_that_names_nothing_is_no_error_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "databricks")
    assert _Page(_RUN._repr_html_()).links == []
