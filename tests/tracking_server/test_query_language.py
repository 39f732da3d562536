"""The filter language against a naive evaluator: what SQL answers is what the words mean."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracking_server.errors import InvalidParameter
from tracking_server.query.parser import parse_filter, parse_order
from tracking_server.query.tree import And, Comparison, Node, Not, Or
from tracking_server.query.vocabulary import RUNS
from tracking_server.settings import Settings
from tracking_server.store import paging, runs, search
from tracking_server.store.engine import Database
from tracking_server.store.metrics import MetricPoint

KEYS = ["a", "b c", "d/e"]
TEXTS = ["", "x", "X", "xy", "x%", "x_", "ä", "'", 'q"q', "0.1"]
NUMBERS = [-1.0, 0.0, 0.5, 1e300, 3.0]
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Facts:
    """A run as the naive evaluator sees it."""

    attributes: dict[str, Any]
    metrics: dict[str, float]
    params: dict[str, str]
    tags: dict[str, str]


def like(pattern: str, text: str, flags: int) -> bool:
    """SQL's LIKE: % any characters, _ one. ILIKE folds ASCII letters alone, as SQLite does."""
    parts = [".*" if char == "%" else "." if char == "_" else re.escape(char) for char in pattern]
    return re.fullmatch("".join(parts), text, flags | re.DOTALL) is not None


def holds(comparison: Comparison, facts: Facts) -> bool:
    """Whether one comparison is true of a run."""
    stored: dict[str, Any] = {
        "attribute": facts.attributes,
        "metric": facts.metrics,
        "param": facts.params,
        "tag": facts.tags,
    }[comparison.entity]
    value = stored.get(comparison.key)
    if comparison.operator == "IS NULL":
        return value is None
    if value is None:
        return False
    wanted: Any = comparison.value
    match comparison.operator:
        case "IS NOT NULL":
            return True
        case "LIKE":
            return like(wanted, value, 0)
        case "ILIKE":
            return like(wanted, value, re.IGNORECASE | re.ASCII)
        case "IN":
            return value in wanted
        case "NOT IN":
            return value not in wanted
        case symbol:
            return COMPARE[symbol](value, wanted)


def true_of(node: Node, facts: Facts) -> bool:
    """The meaning of a tree, word by word."""
    match node:
        case And(parts):
            return all(true_of(part, facts) for part in parts)
        case Or(parts):
            return any(true_of(part, facts) for part in parts)
        case Not(part):
            return not true_of(part, facts)
        case Comparison():
            return holds(node, facts)


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _keyed(entity: str) -> st.SearchStrategy[str]:
    return st.sampled_from([f"{entity}.`{key}`" for key in KEYS])


_text = st.sampled_from(TEXTS).map(quoted)
_number = st.sampled_from(NUMBERS).map(repr)
_text_key = st.one_of(_keyed("params"), _keyed("tags"), st.sampled_from(["run_name", "user_id", "status"]))
_number_key = st.one_of(_keyed("metrics"), st.sampled_from(["start_time", "end_time"]))
_comparisons = st.one_of(
    st.tuples(_number_key, st.sampled_from(list(COMPARE)), _number).map(" ".join),
    st.tuples(_text_key, st.sampled_from(["=", "!=", "LIKE", "ILIKE"]), _text).map(" ".join),
    st.tuples(_text_key, st.sampled_from(["IN", "NOT IN"]), st.lists(_text, min_size=1, max_size=3)).map(
        lambda parts: f"{parts[0]} {parts[1]} ({', '.join(parts[2])})"
    ),
    st.tuples(st.one_of(_keyed("params"), _keyed("tags")), st.sampled_from(["IS NULL", "IS NOT NULL"])).map(
        " ".join
    ),
)
filters = st.recursive(
    _comparisons,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["AND", "OR", "and"]), inner).map(" ".join),
        inner.map(lambda text: f"NOT {text}"),
        inner.map(lambda text: f"({text})"),
    ),
    max_leaves=6,
)

_texts = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(TEXTS), max_size=3)
_metrics = st.dictionaries(st.sampled_from(KEYS), st.sampled_from([*NUMBERS, math.nan]), max_size=3)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("query")
    opened = Database(
        Settings(backend_store_uri=f"sqlite:///{folder}/x.db", artifacts_destination=str(folder))
    )
    opened.open()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def population(database: Database) -> dict[str, Facts]:
    """Runs with every mixture of present, absent and odd values, by id."""
    people: dict[str, Facts] = {}
    for number in range(60):
        facts = Facts(
            attributes={
                "run_name": TEXTS[number % len(TEXTS)] or "nameless",
                "user_id": TEXTS[number * 3 % len(TEXTS)],
                "status": runs.STATUSES[number % 5],
                "start_time": number % 4 - 1,
                "end_time": None if number % 3 else number % 5,
            },
            metrics={
                key: [*NUMBERS, math.nan][(number + i) % 6] for i, key in enumerate(KEYS) if number >> i & 1
            },
            params={key: TEXTS[(number + i) % 10] for i, key in enumerate(KEYS) if number >> (i + 1) & 1},
            tags={key: TEXTS[(number * 7 + i) % 10] for i, key in enumerate(KEYS) if number >> (i + 2) & 1},
        )
        people[_store(database, facts)] = facts
    return people


def _store(database: Database, facts: Facts) -> str:
    about = facts.attributes

    def work(connection: Any) -> str:
        new = runs.NewRun(
            experiment_id="0",
            name=about["run_name"],
            user_id=about["user_id"],
            start_ms=about["start_time"],
            tags=facts.tags,
        )
        run_id = runs.create(connection, new).info.run_id
        points = [MetricPoint(key=key, value=value, timestamp_ms=1) for key, value in facts.metrics.items()]
        runs.log(connection, run_id, points=points, new_params=facts.params)
        runs.change(connection, run_id, status=about["status"], end_ms=about["end_time"])
        return run_id

    return database.write_and_wait(work)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=filters)
def test_sql_answers_what_the_words_mean(database: Database, population: dict[str, Facts], text: str) -> None:
    tree = parse_filter(text, RUNS)
    expected = {run_id for run_id, facts in population.items() if true_of(tree, facts)}

    page = database.read_now(
        lambda connection: search.runs(connection, ["0"], paging.SearchRequest(filter=text))
    )

    assert {run.info.run_id for run in page.items} == expected


@settings(max_examples=60, deadline=None)
@given(
    text=filters,
    order=st.lists(
        st.tuples(
            st.sampled_from(["metrics.a", "params.`b c`", "tags.a", "end_time", "start_time", "run_name"]),
            st.sampled_from(["", " ASC", " DESC"]),
        ),
        unique_by=lambda key: key[0],
        max_size=3,
    ),
    size=st.integers(1, 17),
)
def test_pages_of_any_search_make_up_the_whole(
    database: Database,
    population: dict[str, Facts],
    text: str,
    order: list[tuple[str, str]],
    size: int,
) -> None:
    order_by = tuple(key + direction for key, direction in order)

    def page(max_results: int, token: str) -> Any:
        request = paging.SearchRequest(
            filter=text, order_by=order_by, max_results=max_results, page_token=token
        )
        return database.read_now(lambda connection: search.runs(connection, ["0"], request))

    whole = [run.info.run_id for run in page(1000, "").items]
    paged: list[str] = []
    token: str | None = ""
    while token is not None:
        found = page(size, token)
        paged += [run.info.run_id for run in found.items]
        token = found.next_page_token

    assert paged == whole


@settings(max_examples=400, deadline=None)
@given(text=st.text(alphabet="abm.`'\"()<>=!,% 01eANDORTIS\n\\", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in (lambda: parse_filter(text, RUNS), lambda: parse_order([text], RUNS)):
        try:
            parse()
        except InvalidParameter as error:
            assert str(error)  # noqa: PT017  # either outcome is fine; anything else is not


@given(value=st.text(max_size=30), key=st.text(min_size=1, max_size=20))
def test_quoting_round_trips(value: str, key: str) -> None:
    tree = parse_filter(f"tags.`{key.replace('`', '``')}` = {quoted(value)}", RUNS)

    assert tree == Comparison(entity="tag", key=key, operator="=", value=value)


def test_not_binds_tighter_than_and_and_and_than_or() -> None:
    a, b, c = (Comparison(entity="metric", key=key, operator="=", value=1) for key in "abc")

    assert parse_filter("not metrics.a = 1 and metrics.b = 1 or metrics.c = 1", RUNS) == Or(
        (And((Not(a), b)), c)
    )
    assert parse_filter("metrics.a = 1 or metrics.b = 1 and metrics.c = 1", RUNS) == Or((a, And((b, c))))
    assert parse_filter("(metrics.a = 1 or metrics.b = 1) and metrics.c = 1", RUNS) == And((Or((a, b)), c))


def test_the_store_is_used_by_path(tmp_path: Path) -> None:
    assert Settings(
        backend_store_uri=f"sqlite:///{tmp_path}/x.db", artifacts_destination="a"
    ).sqlite_path == (tmp_path / "x.db")
