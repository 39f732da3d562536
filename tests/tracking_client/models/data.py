"""Data of every kind that MLflow and we must agree on, made by hypothesis.

Left out is what `deliberate.py` has: there the answers differ on purpose.
"""

from __future__ import annotations

import datetime as dt
import decimal
import json
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

NAMES = st.sampled_from(["a", "b", "c", "ünï", "with space", "type"])


def _text(max_size: int, least: int = 0) -> st.SearchStrategy[str]:
    return st.text(
        st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=least, max_size=max_size
    )


TEXTS = _text(3)
_EXACT = st.integers(min_value=-(2**53), max_value=2**53)  # what a double holds
LONGS = st.integers(min_value=-(2**63), max_value=2**63 - 1)
_SINGLE = st.booleans() | _text(max_size=5) | st.binary(max_size=3)
_FIRST, _LAST = dt.date(1700, 1, 1), dt.date(2200, 1, 1)
_DATETIMES = st.datetimes(dt.datetime.combine(_FIRST, dt.time()), dt.datetime.combine(_LAST, dt.time())).map(
    lambda time: time.replace(fold=0)
)
_TIMES = st.dates(_FIRST, _LAST) | _DATETIMES


@st.composite
def scalars(draw: st.DrawFn, *, missing: bool = True) -> st.SearchStrategy[Any]:
    """A strategy of single values in which all numbers are whole, or all are fractions."""
    numbers: st.SearchStrategy[Any] = LONGS if draw(st.booleans()) else st.floats(allow_nan=False)
    values = _SINGLE | _TIMES | numbers
    return values | st.none() if missing else values


@st.composite
def datasets(draw: st.DrawFn, least: int = 0) -> Any:
    """A dict or a list of values, nested in lists and dicts of at least so many."""
    values = _nested(draw(scalars()), least)
    return draw(st.dictionaries(NAMES, values, min_size=least, max_size=3) | st.lists(values, max_size=4))


def _nested(leaves: st.SearchStrategy[Any], least: int = 0) -> st.SearchStrategy[Any]:
    def within(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        lists = st.lists(inner, min_size=least, max_size=3)
        return lists | st.dictionaries(NAMES, inner, min_size=least, max_size=3)

    return st.recursive(leaves, within, max_leaves=8)


@st.composite
def rows(draw: st.DrawFn, least: int = 0) -> list[dict[str, Any]]:
    """Rows of similar values: of one shape, in which some are missing."""
    leaves = draw(scalars(missing=False))
    first = draw(st.dictionaries(NAMES, _nested(leaves, least), min_size=1, max_size=3))
    return [first, *draw(st.lists(st.just(first) | _lacking(first), max_size=3))]


@st.composite
def _lacking(draw: st.DrawFn, row: dict[str, Any]) -> dict[str, Any]:
    kept = draw(st.sets(st.sampled_from(sorted(row)), max_size=len(row)))
    return {name: draw(st.none() | st.just(row[name])) for name in row if name in kept}


_DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "float32", "float64")
_EXTENSION = ("Int8", "Int16", "Int32", "Int64", "boolean", "Float32", "Float64", "string")


@st.composite
def columns(draw: st.DrawFn, length: int) -> pd.Series[Any]:
    """A column of plain values; in some, values are missing."""
    kind = draw(st.sampled_from(("numpy", "text", "bytes", "time", "extension")))
    if kind == "numpy":
        dtype = np.dtype(draw(st.sampled_from(_DTYPES)))
        return pd.Series(draw(st_numpy.arrays(dtype, length)))
    if kind == "extension":
        extension = draw(st.sampled_from(_EXTENSION))
        plain: st.SearchStrategy[Any] = _text(max_size=3) if extension == "string" else st.booleans()
        if extension[0] in "IF":
            plain = st.integers(min_value=-128, max_value=127)
        return pd.Series(draw(st.lists(plain | st.none(), min_size=length, max_size=length)), dtype=extension)
    if kind == "time":
        unit = draw(st.sampled_from(("s", "ms", "us", "ns")))
        times = st.lists(_DATETIMES | st.none(), min_size=length, max_size=length)
        found = pd.Series(draw(times), dtype="datetime64[us]")
        return found.astype(f"datetime64[{unit}]")
    text: st.SearchStrategy[Any] = _text(max_size=5) if kind == "text" else st.binary(max_size=5)
    return pd.Series(draw(st.lists(text | st.none(), min_size=length, max_size=length)), dtype=object)


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """A table with at least one row."""
    length = draw(st.integers(min_value=1, max_value=4))
    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    return pd.DataFrame({name: draw(columns(length)) for name in names})


_ARRAY_DTYPES = st.sampled_from(
    (
        "bool",
        "int8",
        "int32",
        "int64",
        "uint8",
        "uint64",
        "float16",
        "float32",
        "float64",
        "<U3",
        "S2",
        "M8[ns]",
    )
)
ARRAYS = _ARRAY_DTYPES.flatmap(
    lambda dtype: st_numpy.arrays(np.dtype(dtype), st_numpy.array_shapes(min_dims=1, max_dims=3, max_side=3))
)

_TYPES = st.sampled_from(
    ("boolean", "integer", "long", "float", "double", "string", "binary", "datetime")
).map(lambda name: {"type": name}) | st.just({"type": "any"})


def _with(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    properties = st.dictionaries(NAMES, st.tuples(inner, st.booleans()), min_size=1, max_size=3).map(
        lambda items: {name: {**items[name][0], "required": items[name][1]} for name in sorted(items)}
    )
    return (
        inner.map(lambda item: {"type": "array", "items": item})
        | inner.map(lambda item: {"type": "map", "values": item})
        | properties.map(lambda items: {"type": "object", "properties": items})
    )


TYPES = st.recursive(_TYPES, _with, max_leaves=5)
_COLUMNS = st.lists(st.tuples(TYPES, NAMES, st.booleans()), min_size=1, max_size=3).map(
    lambda specs: [{**kind, "name": name, "required": required} for kind, name, required in specs]
)
_UNNAMED = st.lists(TYPES.map(lambda kind: {**kind, "required": True}), min_size=1, max_size=3)
_TENSOR = st.tuples(
    st.sampled_from(("bool", "int64", "float32", "float16", "str", "bytes", "object", "datetime64[ns]")),
    st.lists(st.integers(min_value=-1, max_value=5), max_size=3),
).map(lambda spec: {"type": "tensor", "tensor-spec": {"dtype": spec[0], "shape": spec[1]}})
_NAMED_TENSORS = st.dictionaries(NAMES, _TENSOR, min_size=1, max_size=3).map(
    lambda specs: [{"name": name, **spec} for name, spec in specs.items()]
)
SCHEMAS = (_COLUMNS | _UNNAMED | _TENSOR.map(lambda spec: [spec]) | _NAMED_TENSORS).map(json.dumps)

_DEFAULTS = (
    st.booleans()
    | _EXACT
    | st.floats()
    | _text(max_size=5, least=1)
    | _TIMES
    | st.just(b"\xff")
    | st.none()
    | st.lists(_EXACT, min_size=1, max_size=3)
    | st.lists(st.floats(), min_size=1, max_size=3)
    | st.lists(_text(max_size=3), min_size=1, max_size=3)
    | st.lists(st.booleans(), min_size=1, max_size=3)
    | st.lists(st.lists(LONGS, max_size=2), min_size=1, max_size=2)
    | st.sampled_from(
        [np.int32(1), np.int64(2), np.float32(0.5), np.float64(0.5), np.bool_(True), np.str_("a")]
    )
    | st.sampled_from([np.array([1, 2]), np.zeros((2, 2)), np.array(1), {1}, (1, 2), 1j])
    | st.dictionaries(st.sampled_from(["x", "y"]), LONGS | _text(max_size=2), min_size=1)
)
PARAMS = st.dictionaries(NAMES, _DEFAULTS, max_size=3)


@st.composite
def tables(draw: st.DrawFn) -> tuple[Any, str]:
    """A dict, or rows, of plain values, and the JSON of a schema for them: with names, but of any types."""
    length = draw(st.integers(min_value=1, max_value=3))
    cells = st.sampled_from([st.booleans(), LONGS, st.floats(allow_nan=False), TEXTS])
    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    lists = {name: draw(st.lists(draw(cells), min_size=length, max_size=length)) for name in names}
    kinds = st.sampled_from(("boolean", "long", "string"))
    wanted = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    schema = [{"type": draw(kinds), "name": name, "required": draw(st.booleans())} for name in wanted]
    rows = [{name: lists[name][row] for name in names} for row in range(length)]
    whole: tuple[Any, ...] = (rows, rows[0], pd.DataFrame(rows))
    texts_only = all(isinstance(value, str) for column in lists.values() for value in column)
    return draw(st.sampled_from(whole if texts_only else (*whole, lists))), json.dumps(schema)


_STRANGE = st.sampled_from(
    [
        {1},
        (1, 2),
        1j,
        2**70,
        float("inf"),
        decimal.Decimal("NaN"),
        decimal.Decimal("0.5"),
        dt.timedelta(1),
        dt.time(1),
        dt.datetime.fromisoformat("9999-12-31T23:59:59+00:00"),
        dt.date(1, 1, 1),
        np.datetime64("NaT", "us"),
        np.datetime64("2020", "Y"),
        np.timedelta64(1, "s"),
        np.float16(0.5),
        np.longdouble(0.5),
        np.uint64(2**64 - 1),
        np.array(1),
        np.array([], dtype=object),
        np.array([{"a": 1}, None, [1]], dtype=object),
        np.zeros(1, dtype=[("a", "i4")])[0],
        pd.NA,
        pd.NaT,
        pd.Timestamp("2020-01-01", tz="UTC"),
        pd.Timestamp("2262-01-01"),
        pd.Period("2020"),
        pd.Series([1, 2]),
        pd.DataFrame({"a": [1]}),
        pl.Series([1]),
        b"",
        object,
        "2020-01-01",
        {1: 2},
        {None: None},
    ]
)
_WILD = st.recursive(
    _STRANGE | _SINGLE | _TIMES | LONGS | st.floats() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
_WILD_COLUMNS = st.sampled_from(
    [
        pd.Series(pd.to_timedelta([1, None], unit="s")),
        pd.Series([1j, 2]),
        pd.Series(pd.period_range("2020", periods=2)),
        pd.Series(pd.interval_range(0, 2)),
        pd.Series(pd.to_datetime(["2020", None], utc=True)),
        pd.Series([dt.datetime.fromisoformat("9999-01-01"), None]),
        pd.Series(["a", None], dtype="category"),
        pd.Series([1.5, None], dtype="category"),
        pd.Series(pd.arrays.SparseArray([0, 1])),
        pd.Series([1, None], dtype="int64[pyarrow]"),
        pd.Series(["a", None], dtype="string[pyarrow]"),
        pd.Series([[1], None], dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
        pd.Series([dt.date(2020, 1, 1), None], dtype="date32[day][pyarrow]"),
        pd.Series([True, None], dtype="bool[pyarrow]"),
        pd.Series([1.5, None], dtype="double[pyarrow]"),
        pd.Series([dt.datetime.fromisoformat("2020-01-01"), None], dtype="timestamp[us][pyarrow]"),
        pd.Series([2**64 - 1, 0], dtype="uint64"),
        pd.Series([float("inf"), None]),
        pd.Series([0.5, 1], dtype="longdouble"),
    ]
)
_POLARS = [
    pl.Series([1, None], dtype=pl.Int16),
    pl.Series([2**64 - 1]),
    pl.Series([0.5, float("nan")]),
    pl.Series([dt.date(2020, 1, 1), None]),
    pl.Series([dt.datetime.fromisoformat("2020-01-01T00:00:00+00:00")]),
    pl.Series([dt.timedelta(1)]),
    pl.Series([dt.time(1)]),
    pl.Series([decimal.Decimal("0.5")]),
    pl.Series(["a", None], dtype=pl.Categorical),
    pl.Series([[1], None, [None]]),
    pl.Series([{"x": 1, "y": None}, None]),
    pl.Series([None]),
    pl.Series([object()], dtype=pl.Object),
    pl.Series([b"a"]),
    pl.Series([[1, 2]], dtype=pl.Array(pl.Int8, 2)),
    pl.Series([], dtype=pl.String),
]
WILD: st.SearchStrategy[Any] = (
    _WILD
    | frames()
    | ARRAYS
    | st.dictionaries(NAMES, _WILD_COLUMNS, min_size=1, max_size=2).map(pd.DataFrame)
    | _WILD_COLUMNS
    | st.sampled_from(_POLARS).map(lambda column: column.alias("a").to_frame())
    | st.sampled_from(_POLARS)
    | frames().map(lambda frame: frame.iloc[:0])
    | st_numpy.arrays(np.dtype(object), 3, elements=_WILD)
)
"""Whatever somebody may give a model."""
