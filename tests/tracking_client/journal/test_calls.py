"""Calls that say what entries say: within the limits of the API, in order, and nothing twice or missing."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tracking_client.journal import entries
from tracking_client.journal.calls import MAX_BODY_BYTES, Call, calls_of
from tracking_client.journal.entries import Entry
from tracking_client.wire import limits

RUNS = ("r1", "r2", "rä3")
_BATCH = "/api/2.0/mlflow/runs/log-batch"


def _read(lines: Iterable[bytes]) -> list[Entry]:
    return [entry for entry in entries.read(b"".join(lines)) if entry is not None]


def _metrics(run: str, first: int, count: int) -> list[bytes]:
    return [entries.metric_line(run, "m", 0.5, 1, step) for step in range(first, first + count)]


@st.composite
def _told(draw: st.DrawFn) -> list[bytes]:
    """Stretches of the same kind, long enough to meet the limits."""
    lines: list[bytes] = []
    for number in range(draw(st.integers(0, 6))):
        run = draw(st.sampled_from(RUNS))
        kind = draw(st.sampled_from("mmptduei"))
        count = draw(st.sampled_from([1, 2, 99, 101, 250, 700]))
        first = 10_000 * number
        if kind == "m":
            lines += _metrics(run, first, count)
        elif kind in "pt":
            wide = draw(st.sampled_from([1, 6000]))
            lines += [
                entries.line(
                    kind.encode(), run, {"key": f"k{first + index}", "value": f"{index} " + "v" * wide}
                )
                for index in range(min(count, 250))
            ]
        elif kind == "d":
            lines.append(entries.line(entries.UNTAG, run, {"key": f"k{first}"}))
        else:
            lines.append(entries.line(kind.encode(), run, {"status": "FINISHED", "number": number}))
    return lines


def _items(call: Call) -> list[tuple[str, Any]]:
    """What a call says, in an order that can be compared."""
    body = json.loads(call.body)
    assert body["run_id"] == call.run_id
    if call.path != _BATCH:
        return [(call.path, {key: body[key] for key in body if key not in ("run_id", "run_uuid")})]
    return [(kind, item) for kind in ("metrics", "params", "tags") for item in body.get(kind, ())]


def _kinds_in_order(items: list[tuple[str, Any]], kind: str) -> list[Any]:
    return [item for name, item in items if name == kind]


@settings(max_examples=40)
@given(_told())
def test_calls_keep_the_limits_and_the_order_of_each_run(lines: list[bytes]) -> None:
    calls = list(calls_of(_read(lines)))
    for call in calls:
        body = json.loads(call.body)
        counts = [len(body.get(kind, ())) for kind in ("metrics", "params", "tags")]
        assert counts[0] <= limits.MAX_METRICS_PER_BATCH
        assert counts[1] <= limits.MAX_PARAMS_PER_BATCH
        assert counts[2] <= limits.MAX_TAGS_PER_BATCH
        assert sum(counts) <= limits.MAX_ENTITIES_PER_BATCH
        assert len(call.body) <= MAX_BODY_BYTES + 200
    for run in RUNS:
        of_run = [item for call in calls if call.run_id == run for item in _items(call)]
        prefix = run.encode()
        told = [line.split(b"\t", 2) for line in lines]
        for kind, name in ((b"m", "metrics"), (b"p", "params"), (b"t", "tags")):
            expected = [json.loads(line[2]) for line in told if line[1] == prefix and line[0] == kind]
            assert _kinds_in_order(of_run, name) == expected
        singles = [json.loads(line[2]) for line in told if line[1] == prefix and line[0] in b"duei"]
        assert [item for name, item in of_run if name.startswith("/")] == singles


@settings(max_examples=20)
@given(_told())
def test_the_halves_of_a_call_say_all_that_it_says(lines: list[bytes]) -> None:
    for call in calls_of(_read(lines)):
        pieces = [call]
        while any(piece.halves() for piece in pieces):
            pieces = [half for piece in pieces for half in (piece.halves() or [piece])]
        assert all(sum(entry.count for entry in piece.entries) == 1 for piece in pieces)
        said = [item for piece in pieces for item in _items(piece)]
        for kind in ("metrics", "params", "tags"):
            assert _kinds_in_order(said, kind) == _kinds_in_order(_items(call), kind)


def test_a_batch_of_the_longest_metrics_is_no_longer_than_proxies_take() -> None:
    lines = [entries.metric_line("r" * 64, "漢" * 250, -1e-300, 2**62, -step) for step in range(2000)]
    calls = list(calls_of(_read(lines)))
    assert sum(len(json.loads(call.body)["metrics"]) for call in calls) == 2000
    assert max(len(call.body) for call in calls) <= MAX_BODY_BYTES + 200


def test_one_value_that_is_longer_than_a_body_goes_alone() -> None:
    long = entries.line(entries.TAG, "r", {"key": "long", "value": "x" * (MAX_BODY_BYTES + 1)})
    short = entries.line(entries.TAG, "r", {"key": "short", "value": "x"})
    sizes = [len(call.entries) for call in calls_of(_read([short, long, short]))]
    assert sizes == [1, 1, 1]


def test_of_a_tag_that_is_set_twice_only_the_last_word_is_sent() -> None:
    tags = [entries.line(entries.TAG, "r", {"key": "a", "value": value}) for value in "xyz"]
    (call,) = calls_of(_read(tags))
    assert json.loads(call.body)["tags"] == [{"key": "a", "value": "z"}]


def test_a_tag_that_is_removed_in_between_is_set_before_and_after() -> None:
    tag = entries.line(entries.TAG, "r", {"key": "a", "value": "1"})
    untag = entries.line(entries.UNTAG, "r", {"key": "a"})
    paths = [call.path.rpartition("/")[2] for call in calls_of(_read([tag, untag, tag]))]
    assert paths == ["log-batch", "delete-tag", "log-batch"]


def test_a_parameter_that_is_given_another_value_is_sent_again_for_the_server_to_refuse() -> None:
    params = [entries.line(entries.PARAM, "r", {"key": "a", "value": value}) for value in ("1", "1", "2")]
    calls = list(calls_of(_read(params)))
    assert [json.loads(call.body)["params"] for call in calls] == [
        [{"key": "a", "value": "1"}],
        [{"key": "a", "value": "2"}],
    ]
