"""The journal's format: one line for each thing, whatever is in it, and nothing wrong read from what was cut."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking_client.errors import InvalidArgument
from tracking_client.journal import entries
from tracking_client.journal.entries import Entry
from tracking_client.wire import limits

RUN = "a" * 32
KEYS = st.text("abcXYZ019_-. :/ü…ß漢", min_size=1, max_size=limits.MAX_KEY_LENGTH).filter(
    lambda text: limits.key_problem(text, "metric") is None
)
RUN_IDS = st.from_regex(r"[a-zA-Z0-9][\w\-]{0,40}", fullmatch=True)
NUMBERS = st.one_of(st.floats(), st.integers(), st.booleans(), st.floats(width=32).map(np.float32))
METRICS = st.tuples(KEYS, NUMBERS, st.integers(0, 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
OTHERS = st.tuples(
    st.sampled_from([entries.PARAM, entries.TAG]),
    st.fixed_dictionaries({"key": st.text(), "value": st.text()}),
)


def _singles(text: bytes) -> list[Entry]:
    return [single for entry in entries.read(text) if entry is not None for single in entry.singles()]


def _number(wire: Any) -> float:
    return float(wire["value"])


def _expected(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


@given(RUN_IDS, METRICS)
def test_a_metric_is_one_line_and_comes_back_as_it_was(
    run_id: str, metric: tuple[str, Any, int, int]
) -> None:
    key, value, timestamp_ms, step = metric
    line = entries.metric_line(run_id, key, value, timestamp_ms, step)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    (entry,) = entries.read(line)
    assert entry is not None
    assert (entry.kind, entry.run_id, entry.count) == (entries.METRIC, run_id, 1)
    wire = json.loads(entry.payload)
    assert (wire["key"], wire["timestamp"], wire["step"]) == (key, timestamp_ms, step)
    found, expected = _number(wire), _expected(value)
    assert (found == expected and math.copysign(1, found) == math.copysign(1, expected)) or (
        math.isnan(found) and math.isnan(expected)
    )


@given(RUN_IDS, OTHERS)
def test_a_param_or_a_tag_is_one_line_whatever_it_says(
    run_id: str, told: tuple[bytes, dict[str, str]]
) -> None:
    kind, payload = told
    line = entries.line(kind, run_id, payload)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    (entry,) = entries.read(line)
    assert entry is not None
    assert (entry.kind, entry.run_id, json.loads(entry.payload)) == (kind, run_id, payload)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2**53 + 1, float(2**53 + 1)),
        (10**400, math.inf),
        (-(10**400), -math.inf),
        (np.float64(0.1), 0.1),
        (np.int64(7), 7.0),
        (np.array([2.5]), 2.5),
        ("0.25", 0.25),
        (5e-324, 5e-324),
        (1.7976931348623157e308, 1.7976931348623157e308),
    ],
)
def test_numbers_of_all_kinds_are_taken(value: Any, expected: float) -> None:
    (entry,) = _singles(entries.metric_line(RUN, "m", value, 1, 0))
    assert _number(json.loads(entry.payload)) == expected


@pytest.mark.parametrize(
    ("key", "value", "timestamp_ms", "step"),
    [
        ("", 1.0, 1, 0),
        ("a\nb", 1.0, 1, 0),
        ("a\tb", 1.0, 1, 0),
        ('a"b', 1.0, 1, 0),
        ("k" * 251, 1.0, 1, 0),
        (["a", "list"], 1.0, 1, 0),
        ("m", "much", 1, 0),
        ("m", None, 1, 0),
        ("m", [1, 2], 1, 0),
        ("m", 1j, 1, 0),
        ("m", 1.0, -1, 0),
        ("m", 1.0, 2**63, 0),
        ("m", 1.0, 1, 2**63),
        ("m", 1.0, 1, -(2**63) - 1),
        ("m", 1.0, math.nan, 0),
        ("m", 1.0, 1, math.inf),
        ("m", 1.0, "soon", 0),
    ],
)
def test_what_is_against_the_rules_is_an_invalid_argument(
    key: Any, value: Any, timestamp_ms: Any, step: Any
) -> None:
    with pytest.raises(InvalidArgument):
        entries.metric_line(RUN, key, value, timestamp_ms, step)


def test_a_key_that_is_no_text_is_logged_by_its_text() -> None:
    (entry,) = _singles(entries.metric_line(RUN, 3, 1.0, 1, 0))  # type: ignore[arg-type]  # as users do
    assert json.loads(entry.payload)["key"] == "3"


TOLD = st.one_of(
    st.builds(lambda run, metric: entries.metric_line(run, *metric), st.sampled_from(["r1", "r2"]), METRICS),
    st.builds(lambda run, told: entries.line(told[0], run, told[1]), st.sampled_from(["r1", "ré-2"]), OTHERS),
    st.builds(
        lambda run, name: entries.line(
            entries.METRIC,
            run,
            {"key": "m", "value": 1, "timestamp": 1, "step": 1, "dataset_name": name},
        ),
        st.sampled_from(["r1", "r2"]),
        st.text("ab}{,"),
    ),
)


@given(st.lists(TOLD, max_size=12), st.data())
def test_a_text_cut_at_any_byte_yields_the_lines_before_the_cut_and_never_a_wrong_one(
    lines: list[bytes], data: st.DataObject
) -> None:
    text = b"".join(lines)
    cut = data.draw(st.integers(0, len(text)))
    before = text[:cut]
    whole = before[: before.rfind(b"\n") + 1]
    found = _singles(before)
    assert found[: whole.count(b"\n")] == _singles(whole)
    # The rest of the line that was cut is an entry only where no more than its break is missing.
    assert found == _singles(text)[: len(found)]
    assert len(found) <= whole.count(b"\n") + 1
    assert found == _singles(before + b"\n")


@given(st.lists(TOLD, min_size=2, max_size=6), st.data())
def test_a_line_that_follows_a_cut_one_without_a_break_is_sound(
    lines: list[bytes], data: st.DataObject
) -> None:
    first, rest = lines[0], lines[1:]
    cut = data.draw(st.integers(1, len(first) - 1))
    found = list(entries.read(first[:cut] + b"".join(rest)))
    assert found[0] is None
    singles = [single for entry in found if entry is not None for single in entry.singles()]
    assert singles == [single for line in rest for single in _singles(line)]


@given(st.binary())
def test_any_bytes_are_read_without_an_error(text: bytes) -> None:
    for entry in entries.read(text):
        assert entry is None or limits.run_id_problem(entry.run_id) is None


def test_metrics_that_follow_each_other_are_one_entry_of_at_most_five_hundred() -> None:
    lines = [entries.metric_line(RUN, "m", 0.5, 1, step) for step in range(1100)]
    other = entries.metric_line("b" * 32, "m", 0.5, 1, 0)
    found = [entry for entry in entries.read(b"".join([*lines, other])) if entry is not None]
    assert [(entry.run_id, entry.count) for entry in found] == [
        (RUN, 500),
        (RUN, 500),
        (RUN, 100),
        ("b" * 32, 1),
    ]
    assert [json.loads(single.payload)["step"] for entry in found[:3] for single in entry.singles()] == list(
        range(1100)
    )
    assert json.loads(b"[%b]" % found[0].payload)[499]["step"] == 499


def test_lines_that_are_none_are_torn() -> None:
    text = b"\x00\x00\x00\n\nm\t\nx\ta\t{}\nm\ta\n" + b'm\ta\t["key"]\np\t"\t{}\nt\ta b\t{}\n'
    assert list(entries.read(text)) == [None] * 7
