"""What a search means, said in plain Python: filters and orders over facts, and random ones of each."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tracking_server.query.tree import And, Comparison, Node, Not, Or, OrderKey

KEYS = ["a", "b c", "d/e"]
LONG = "x" * 249
TEXTS = ["", "x", "X", "xy", "x%", "x_", "ä", "'", 'q"q', "0.1", "x\\", LONG + "ab", LONG + "b"]
NUMBERS = [-1.0, 0.0, 0.5, 1e300, 3.0, 1.7976931348623157e308]
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
    number: int = 0


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
_pattern = st.sampled_from([*TEXTS, "x__", "%", "_%", "%x", "x\\%", f"%{LONG}a%", f"{LONG}_%"]).map(quoted)
_number = st.sampled_from(NUMBERS).map(repr)


def filters_of(texts: list[str], numbers: list[str]) -> st.SearchStrategy[str]:
    """Filters over metrics, parameters and tags, and over these attributes."""
    kept = st.one_of(_keyed("params"), _keyed("tags"))
    text_key = st.one_of(kept, st.sampled_from(texts))
    number_key = st.one_of(_keyed("metrics"), st.sampled_from(numbers))
    comparisons = st.one_of(
        st.tuples(number_key, st.sampled_from(list(COMPARE)), _number).map(" ".join),
        st.tuples(text_key, st.sampled_from(["=", "!="]), _text).map(" ".join),
        st.tuples(text_key, st.sampled_from(["LIKE", "ILIKE"]), _pattern).map(" ".join),
        st.tuples(text_key, st.sampled_from(["IN", "NOT IN"]), st.lists(_text, min_size=1, max_size=3)).map(
            lambda parts: f"{parts[0]} {parts[1]} ({', '.join(parts[2])})"
        ),
        st.tuples(kept, st.sampled_from(["IS NULL", "IS NOT NULL"])).map(" ".join),
    )
    return st.recursive(
        comparisons,
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["AND", "OR", "and"]), inner).map(" ".join),
            inner.map(lambda text: f"NOT {text}"),
            inner.map(lambda text: f"({text})"),
        ),
        max_leaves=6,
    )


filters = filters_of(["run_name", "user_id", "status"], ["start_time", "end_time"])
ORDERED = [
    "metrics.a",
    "metrics.`b c`",
    "params.a",
    "params.`b c`",
    "tags.`d/e`",
    "end_time",
    "start_time",
    "run_name",
    "user_id",
    "status",
    "experiment_id",
]
orders = st.lists(
    st.tuples(st.sampled_from(ORDERED), st.sampled_from(["", " ASC", " DESC"])),
    unique_by=lambda key: key[0],
    max_size=3,
)


def in_order(people: dict[str, Facts], keys: tuple[OrderKey, ...]) -> list[str]:
    """The runs in the order asked for: what is absent last, NaN before it; then the newest, by start and id."""
    # Sorting by the least important key first; Python's sort keeps what is equal as it was.
    ids = sorted(people, key=lambda run_id: people[run_id].number)
    starts = [key for key in keys if key.key == "start_time"]
    if not (starts and starts[0].ascending):
        ids.reverse()
    ids.sort(key=lambda run_id: people[run_id].attributes["start_time"], reverse=True)
    for key in reversed(keys):
        ids.sort(key=lambda run_id, key=key: _value(people[run_id], key), reverse=not key.ascending)  # type: ignore[misc]  # bound now
        ids.sort(key=lambda run_id, key=key: _rank(people[run_id], key))  # type: ignore[misc]  # bound now
    return ids


def _stored(facts: Facts, key: OrderKey) -> Any:
    stored: dict[str, dict[str, Any]] = {
        "attribute": facts.attributes,
        "metric": facts.metrics,
        "param": facts.params,
        "tag": facts.tags,
    }
    return stored[key.entity].get(key.key)


def _rank(facts: Facts, key: OrderKey) -> int:
    value = _stored(facts, key)
    if value is None:
        return 2
    return int(isinstance(value, float) and math.isnan(value))


def _value(facts: Facts, key: OrderKey) -> Any:
    value = _stored(facts, key)
    absent: Any = 0 if key.entity == "metric" or key.key.endswith("_time") else ""
    return absent if _rank(facts, key) else value
