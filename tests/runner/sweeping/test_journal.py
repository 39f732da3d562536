"""The sweep's journal: round trips, torn lines, full disks."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.errors import RequestError
from runner.model.run import RunStatus
from runner.model.sweep import Sweep
from runner.model.trial import CAUSES, TrialResult
from runner.sweeping.entries import Entry, Exhausted, Launched, Opened, Over, Suggested, decode, encode
from runner.sweeping.journal import Journal
from tests.runner.sweeping.simulation import began

BEGAN = began(Sweep(name="s"))
floats = st.floats(allow_nan=False)
values = st.one_of(st.booleans(), st.integers(-(10**12), 10**12), floats, st.text(max_size=8))
results = st.builds(
    TrialResult,
    run_id=st.text(max_size=5),
    status=st.sampled_from(list(RunStatus)),
    values=st.none() | st.tuples(floats),
    cause=st.none() | st.sampled_from(CAUSES),
    reason=st.text(max_size=20),
    stopped_early=st.text(max_size=5),
    seconds=st.floats(0, 1e6),
    exit_code=st.none() | st.integers(-64, 255),
    metrics=st.none() | st.dictionaries(st.text(max_size=4), floats, max_size=3),
)
entries = st.one_of(
    st.builds(
        Suggested, point=st.integers(-1, 99), params=st.dictionaries(st.text(max_size=5), values, max_size=4)
    ),
    st.builds(Launched, trial=st.integers(-1, 99), point=st.integers(-1, 99), attempt=st.integers(0, 3)),
    st.builds(Opened, trial=st.integers(0, 9), attempt=st.integers(0, 3), run_id=st.text(max_size=5)),
    st.builds(Over, trial=st.integers(0, 9), attempt=st.integers(0, 3), result=results, final=st.booleans()),
    st.builds(Exhausted),
)


@given(entry=entries)
def test_every_entry_reads_back_equal_with_the_types_of_its_values(entry: Entry) -> None:
    line = encode(entry)
    assert line.endswith(b"\n")
    assert b"\n" not in line[:-1]
    assert repr(decode(line)) == repr(entry)


def test_infinities_and_nan_survive() -> None:
    entry = Over(
        trial=0,
        attempt=0,
        result=TrialResult(
            run_id="r", status=RunStatus.FINISHED, metrics={"a": math.nan, "b": math.inf, "c": -math.inf}
        ),
    )
    read = decode(encode(entry))
    assert isinstance(read, Over)
    assert read.result.metrics is not None
    assert math.isnan(read.result.metrics["a"])
    assert read.result.metrics["c"] == -math.inf


@given(written=st.lists(entries, max_size=6), cut=st.integers(0, 10_000))
@settings(max_examples=50)
def test_a_journal_cut_anywhere_holds_the_whole_lines_before_and_goes_on(
    written: list[Entry], cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal.jsonl"
    journal = Journal(path)
    journal.append(BEGAN, *written)
    journal.close()
    first = len(encode(BEGAN))
    size = path.stat().st_size
    os.truncate(path, max(first, min(cut, size)))
    torn = Journal(path)
    before = torn.read()
    assert list(map(repr, before)) == list(map(repr, [BEGAN, *written]))[: len(before)]
    torn.append(Exhausted())
    torn.close()
    assert list(map(repr, Journal(path).read())) == [*map(repr, before), repr(Exhausted())]


def test_kinds_and_fields_of_later_versions_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    launched = json.loads(encode(Launched(trial=1, point=1)))
    lines = [
        encode(BEGAN),
        json.dumps({"kind": "celebrated", "cake": True}).encode() + b"\n",
        json.dumps({**launched, "colour": "red"}).encode() + b"\n",
    ]
    path.write_bytes(b"".join(lines))
    assert Journal(path).read() == [BEGAN, Launched(trial=1, point=1)]


@pytest.mark.parametrize("content", [b"", b"{}\n", b"hello\n", b'{"kind": "exhausted"}\n', b"[1]\n", b"3\n"])
def test_a_file_that_is_no_journal_is_named_with_its_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(content)
    with pytest.raises(RequestError, match=str(path)):
        Journal(path).read()


def test_a_journal_of_a_later_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    data = json.loads(encode(BEGAN))
    path.write_bytes(json.dumps({**data, "format": 99}).encode() + b"\n")
    with pytest.raises(RequestError, match="later version"):
        Journal(path).read()
