"""Every page and every form, sent what an address or a form can hold: none fails.

A failure is an exception, which the client of these tests raises, or a status from 500 on. The store holds
runs of every unusual kind; half of what addresses name is there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tracking_server import strange_runs
from tests.tracking_server.strange_runs import PATHS, WORDS, address_of, ask
from tests.tracking_server.test_pages_words import FIELDS_OF
from tracking_server.ui.routes import FORMS, PAGES

EXAMPLES = int(os.environ.get("RUNNER_FUZZ_EXAMPLES", "12"))
"""Requests for each page and each form."""
FIELDS_OF_FORMS = (
    *(
        "name",
        "key",
        "value",
        "back",
        "do",
        "forget",
        "wish",
        "max_trials",
        "description",
        "alias",
        "version",
    ),
    *("stage", "archive", "confirmed", "shown", "run", "column"),
)

texts = st.one_of(st.sampled_from(WORDS), st.text(st.characters(exclude_categories=["Cs"]), max_size=20))

Request = tuple[dict[str, str], list[tuple[str, str]]]


@pytest.fixture
def strange(api: Any) -> dict[str, list[str]]:
    """Ids that are in the store, by the names that addresses have for them."""
    return strange_runs.stored(api)


def requests(strange: dict[str, list[str]], names: Sequence[str]) -> st.SearchStrategy[Request]:
    """What an address names, and fields with their values: of both about half are there."""
    ids = {name: st.one_of(st.sampled_from(known), texts.filter(bool)) for name, known in strange.items()}
    known = st.sampled_from([*strange["run_id"], *strange["name"], *PATHS])
    pair = st.tuples(st.sampled_from(names or ["x"]), st.one_of(texts, known))
    return st.tuples(st.fixed_dictionaries(ids), st.lists(pair, max_size=6))


fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.parametrize("pattern", PAGES)
def test_no_query_breaks_a_page(api: Any, strange: dict[str, list[str]], pattern: str) -> None:
    @fuzzed
    @given(requests(strange, FIELDS_OF.get(pattern, ())))
    def every(request: Request) -> None:
        ids, query = request
        ask(api, "GET", f"{address_of(pattern, ids)}?{urlencode(query)}")

    every()


def test_no_form_breaks_the_server(api: Any, strange: dict[str, list[str]]) -> None:
    def sent_to(pattern: str) -> Callable[[], None]:
        @fuzzed
        @given(requests(strange, FIELDS_OF_FORMS))
        def every(request: Request) -> None:
            ids, form = request
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            ask(api, "POST", address_of(pattern, ids), content=urlencode(form), headers=kind)

        return every

    # What deletes comes last.
    for pattern in sorted(FORMS, key=lambda pattern: "delete" in pattern):
        sent_to(pattern)()
