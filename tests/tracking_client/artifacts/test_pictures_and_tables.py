"""Pictures and tables that are refused, and what a table keeps of its values."""

from __future__ import annotations

import io
import json
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tracking_client
from tracking_client import images, tables
from tracking_client.client import TrackingClient
from tracking_client.errors import InvalidArgument
from tracking_client.tables import Table


@pytest.fixture
def run_id(client: TrackingClient, experiment_id: str) -> str:
    return client.create_run(experiment_id).info.run_id


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.zeros((5, 5, 5)), "channel length: 5"),
        (np.full((5, 5), 300), "maximum value 300"),
        (np.full((5, 5), -1), "minimum value -1"),
        (np.array(5), "2D or 3D"),
        (np.zeros((0, 5)), "no pixels"),
        (np.array([["a"]]), "data type"),
        (np.array([[1 + 2j]]), "data type"),
        ("a.png", "Unsupported image object type: str"),
        ([[1, 2]], "Unsupported image object type: list"),
    ],
)
def test_what_is_no_picture_is_refused(image: Any, said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        images.encoded(image, "a.png")


@pytest.mark.parametrize("name", ["noext", "a.txt", "a.png/", "..", "../a.png"])
def test_a_name_that_is_no_pictures_is_refused(client: TrackingClient, run_id: str, name: str) -> None:
    with pytest.raises(InvalidArgument):
        client.log_image(run_id, np.zeros((2, 2)), name)
    assert client.list_artifacts(run_id) == []


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"artifact_file": "a.png", "key": "k"},
        {"artifact_file": "a.png", "step": 1},
        {"artifact_file": "a.png", "timestamp": 1},
        {"key": "what?!"},
        {"key": ""},
        {"key": "k", "step": "one"},
        {"key": "k", "timestamp": -1},
    ],
)
def test_arguments_that_go_against_each_other_are_refused(
    client: TrackingClient, run_id: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(InvalidArgument):
        client.log_image(run_id, np.zeros((2, 2)), **arguments)


def test_floats_beyond_their_range_are_stretched_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="Rescaling"):
        found = np.array(images.as_pillow(np.array([[-1.0, 0.0, 3.0]])))
    assert found.tolist() == [[0, 63, 255]]
    with pytest.warns(UserWarning, match="Rescaling"):
        assert np.array(images.as_pillow(np.full((1, 2), 7.0))).tolist() == [[0, 0]]
    assert np.array(images.as_pillow(np.array([[np.nan, 1.0]]))).tolist() == [[0, 255]]


def test_a_picture_with_transparency_becomes_a_jpeg() -> None:
    data = images.encoded(PIL.Image.new("RGBA", (4, 3)), "a.JPG")
    assert PIL.Image.open(io.BytesIO(data)).size == (4, 3)


def test_a_thumbnail_is_small_and_never_larger_than_its_picture() -> None:
    for size, expected in [((1000, 300), (256, 76)), ((1, 3000), (1, 256)), ((7, 5), (7, 5))]:
        small = PIL.Image.open(io.BytesIO(images.thumbnail(PIL.Image.new("RGB", size))))
        assert (small.format, small.size) == ("WEBP", expected)


def test_an_image_is_what_it_was_made_of(tmp_path: Path) -> None:
    image = tracking_client.Image(np.eye(3))
    assert image.to_list() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    image.resize((6, 4)).save(str(tmp_path / "a.png"))
    assert tracking_client.Image(str(tmp_path / "a.png")).to_pil().size == (6, 4)


def _no_images(_image: Any) -> Any:
    raise AssertionError


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, ([], [])),
        ({"a": []}, (["a"], [])),
        ({"a": 1, "b": "x"}, (["a", "b"], [[1, "x"]])),
        ({"a": [1, 2], "b": "x"}, (["a", "b"], [[1, "x"], [2, "x"]])),
        ({"a": [1, 2], "b": [1]}, (["a", "b"], [[[1, 2], [1]]])),
        ({1: (2,)}, ([1], [[2]])),
        ({"a": [float("nan"), float("inf"), 0.1]}, (["a"], [[None], [None], [0.1]])),
        ({"a": np.array([1, 2])}, (["a"], [[1], [2]])),
        ({"a": [np.float32(0.5), np.int64(2), np.array([1, 2])]}, (["a"], [[0.5], [2], [[1, 2]]])),
        (
            {"a": [datetime(2020, 1, 1, 10, tzinfo=timezone.utc), date(2020, 1, 2), b"x", {"k": {1}}]},
            (["a"], [["2020-01-01T10:00:00.000+00:00"], ["2020-01-02"], ["x"], [{"k": [1]}]]),
        ),
    ],
)
def test_a_table_of_columns(data: dict[Any, Any], expected: tuple[list[Any], list[Any]]) -> None:
    table = tables.of(data, _no_images)
    assert (table.columns, table.rows) == expected
    assert Table.of_json(table.to_json()) == table


@pytest.mark.parametrize("data", [[1], "text", None, 5])
def test_what_is_no_table_is_refused(client: TrackingClient, run_id: str, data: Any) -> None:
    for name in ("t.json", "t.parquet"):
        with pytest.raises(InvalidArgument, match="dict of columns"):
            client.log_table(run_id, data, name)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"columns": 5, "data": []}', '{"columns": ["a"], "data": [[]]}']
)
def test_a_file_that_is_no_table_is_not_appended_to(client: TrackingClient, run_id: str, text: str) -> None:
    client.log_text(run_id, text, "t.json")
    with pytest.raises(InvalidArgument):
        client.log_table(run_id, {"a": [1]}, "t.json")
    assert Path(client.download_artifacts(run_id, "t.json")).read_text() == text


@pytest.mark.parametrize("name", ["t.csv", "t", ""])
def test_a_name_that_is_no_tables_is_refused(client: TrackingClient, run_id: str, name: str) -> None:
    with pytest.raises(InvalidArgument, match=r"json or \.parquet"):
        client.log_table(run_id, {"a": [1]}, name)


_VALUES = (
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False)
)
_TABLES = st.dictionaries(
    st.text(max_size=5), st.lists(_VALUES, min_size=2, max_size=2), min_size=1, max_size=4
)


@given(_TABLES, _TABLES)
def test_rows_that_follow_are_there_and_so_are_those_before(first: Any, second: Any) -> None:
    before, after = tables.of(first, _no_images), tables.of(second, _no_images)
    both = Table.of_json(before.followed_by(after).to_json())
    assert len(both.rows) == 4
    assert both.columns == [*first, *(name for name in second if name not in first)]
    as_dicts = [dict(zip(both.columns, row, strict=True)) for row in both.rows]
    for name, column in first.items():
        assert [row[name] for row in as_dicts[:2]] == column
    for name, column in second.items():
        assert [row[name] for row in as_dicts[2:]] == column


def test_plain_tables_need_no_pandas(
    client: TrackingClient, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    client.log_table(run_id, {"a": [1]}, "t.json")
    client.log_table(run_id, {"a": [2]}, "t.json")
    assert json.loads(Path(client.download_artifacts(run_id, "t.json")).read_text())["data"] == [[1], [2]]
    with pytest.raises(InvalidArgument, match="needs pandas"):
        client.log_table(run_id, {"a": [1]}, "t.parquet")
    with pytest.raises(InvalidArgument, match="needs pandas"):
        client.load_table("0", "t.json")


def test_streams_of_bytes_and_of_text_are_stored(client: TrackingClient, run_id: str) -> None:
    client.log_stream(run_id, io.BytesIO(b"b" * 3_000_000), "bytes")
    client.log_stream(run_id, io.StringIO("größer"), "in/text")
    assert len(Path(client.download_artifacts(run_id, "bytes")).read_bytes()) == 3_000_000
    assert Path(client.download_artifacts(run_id, "in/text")).read_text(encoding="utf-8") == "größer"
    with pytest.raises(InvalidArgument, match="must name a file"):
        client.log_stream(run_id, io.BytesIO(b""), "")
