"""The example's data: how a table is read and split."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.e2e.terminal import ROOT


@pytest.fixture
def dataset(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The example's module, imported as its scripts import it."""
    monkeypatch.syspath_prepend(str(ROOT / "examples" / "hyperparam"))
    yield importlib.import_module("dataset")
    sys.modules.pop("dataset", None)


def table(folder: Path, text: str) -> str:
    path = folder / "table.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def rows(delimiter: str, count: int = 40) -> str:
    return "".join(f"{number}{delimiter}{number + 0.5}{delimiter}{number * 3}\n" for number in range(count))


@pytest.mark.parametrize("delimiter", [";", ",", "\t"])
@pytest.mark.parametrize(("target", "factor", "shift"), [("", 3, 0), ("b, c", 1, 0.5)])
def test_any_usual_delimiter_and_any_column_as_target(
    dataset: Any, tmp_path: Path, delimiter: str, target: str, factor: float, shift: float
) -> None:
    header = delimiter.join(['"a"', '"b, c"', '"y"']) + "\n"

    split = dataset.load(table(tmp_path, header + rows(delimiter)), target, seed=1)

    assert split.features.shape == (40, 2)
    np.testing.assert_array_equal(split.target[:, 0], split.features[:, 0] * factor + shift)


def test_the_parts_share_no_row_and_depend_on_the_seed_alone(dataset: Any, tmp_path: Path) -> None:
    path = table(tmp_path, "a,b,y\n" + rows(",", 100))

    first, again, other = (dataset.load(path, "", seed) for seed in (5, 5, 6))

    assert [len(first.train), len(first.val), len(first.test)] == [57, 18, 25]
    assert sorted([*first.train, *first.val, *first.test]) == list(range(100))
    assert first.train.tolist() == again.train.tolist()
    assert first.train.tolist() != other.train.tolist()


def test_rmse_is_the_root_of_the_mean_of_the_squares(dataset: Any, tmp_path: Path) -> None:
    split = dataset.load(table(tmp_path, "a,y\n" + "".join(f"{n},{n % 2 * 4}\n" for n in range(40))), "", 1)

    scores = dataset.rmse(split, np.full_like(split.target, 2.0))

    assert scores == {"train_rmse": 2.0, "val_rmse": 2.0, "test_rmse": 2.0}


@pytest.mark.parametrize(
    ("text", "target", "said"),
    [
        ("a,y\n1,2\n3,x\n", "", "'x'"),
        ("a,y\n1,2\n3\n", "", "columns"),
        ("a,y\n1,2,3\n4,5,6\n", "", "its header names 2 columns, the rows have 3"),
        ("y\n1\n2\n", "", "header"),
        ("", "", "header"),
        ("a,y\n", "", "0 rows"),
        ("a,y\n1,2\n3,4\n", "", "2 rows are too few"),
        ("a,y\n" + "1,nan\n" * 20, "", "line 2 has a value that is not a number"),
        ("a,y\n1,2\n", "z", "no column 'z'; it has a, y"),
    ],
)
def test_what_is_no_table_of_numbers_is_said_with_its_path(
    dataset: Any, tmp_path: Path, text: str, target: str, said: str
) -> None:
    path = table(tmp_path, text)

    with pytest.raises(SystemExit) as stop:
        dataset.load(path, target, seed=1)

    message = str(stop.value)
    assert message.startswith(path)
    assert said in message
    assert "\n" not in message


def test_a_missing_file_is_said_with_its_path(dataset: Any, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"nowhere\.csv: .*No such file"):
        dataset.load(str(tmp_path / "nowhere.csv"), "", seed=1)
