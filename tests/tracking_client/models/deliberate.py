"""Where we deliberately answer otherwise than MLflow, each with an example and its reason.

`test_deliberate.py` holds that each difference really occurs: both answers are looked at, so that a difference
that MLflow mends is found here. Everything else is equal: `test_against_mlflow.py`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import scipy.sparse

_NEW_YEAR = dt.datetime.fromisoformat("2020-01-01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """MLflow answers `theirs` for what `data` makes, and we `ours`; both are parts of the answer's text.

    With a `schema` the question is what becomes of the data, without one it is what schema the data has.
    """

    name: str
    why: str
    data: Callable[[], Any]
    theirs: str
    ours: str
    schema: str | None = None


def column(kind: str, *, required: bool = True) -> str:
    """The JSON of a schema with one column, `a`."""
    return f'[{{"type": "{kind}", "name": "a", "required": {str(required).lower()}}}]'


def array(kind: str) -> str:
    """The JSON of a schema with one column, `a`, of lists."""
    return f'[{{"type": "array", "items": {{"type": "{kind}"}}, "name": "a", "required": true}}]'


INFERENCE = (
    Difference(
        name="narrow numpy scalars",
        why="They have the type that columns of them have; MLflow knows them in columns only.",
        data=lambda: [np.int8(1)],
        theirs="refused",
        ours='"integer"',
    ),
    Difference(
        name="whole numbers beside fractions",
        why="They are fractions, as in a column; [1, 2.5] is what Python programs write.",
        data=lambda: [1, 2.5],
        theirs="refused",
        ours='"double"',
    ),
    Difference(
        name="narrow beside wide",
        why="The wider type holds both.",
        data=lambda: [np.int32(1), np.int64(2)],
        theirs="refused",
        ours='"long"',
    ),
    Difference(
        name="numbers that nothing holds",
        why="A long has 64 bits; MLflow says long, and its own enforcement then refuses the number.",
        data=lambda: 2**70,
        theirs='"long"',
        ours="refused: InvalidArgument: data is a whole number of more than 64 bits",
    ),
    Difference(
        name="pandas' points in time",
        why="A Timestamp is a datetime.",
        data=lambda: [pd.Timestamp("2020-01-01")],
        theirs="refused",
        ours='"datetime"',
    ),
    Difference(
        name="arrays without axes",
        why="Their shape is (); MLflow fails at the axis of the examples.",
        data=lambda: np.array(1.0),
        theirs="refused",
        ours='"shape": []',
    ),
    Difference(
        name="structured arrays",
        why="Each field is a column; MLflow writes a type that neither it nor numpy can read.",
        data=lambda: np.zeros(2, dtype=[("a", "i4"), ("b", "f8")]),
        theirs='"dtype": "void96"',
        ours='[{"type": "integer", "name": "a", "required": true}, {"type": "double", "name": "b"',
    ),
    Difference(
        name="raw bytes",
        why="As above; they have no fields to be columns.",
        data=lambda: np.zeros(2, dtype="V4"),
        theirs='"dtype": "void32"',
        ours="refused: InvalidArgument: The array is |V4",
    ),
    Difference(
        name="numpy's texts of any length",
        why="They are texts; MLflow writes a type that it cannot read.",
        data=lambda: np.array(["a"], dtype=np.dtypes.StringDType()),
        theirs='"dtype": "StringDType128"',
        ours='"dtype": "str"',
    ),
    Difference(
        name="sparse matrices of other formats",
        why="The format does not matter to a schema.",
        data=lambda: scipy.sparse.coo_matrix(np.eye(3)),
        theirs="refused",
        ours='"shape": [-1, 3]',
    ),
    Difference(
        name="sparse columns",
        why="They are columns of what they hold; MLflow fails with an AttributeError.",
        data=lambda: pd.Series([0, 1], dtype="Sparse[int]", name="a"),
        theirs="refused: AttributeError",
        ours='"long"',
    ),
    Difference(
        name="missing values in a column without a name",
        why="It cannot be left out, so that it is required; MLflow gives up and checks nothing.",
        data=lambda: pd.Series([1.0, None]),
        theirs="refused",
        ours='[{"type": "double", "required": true}]',
    ),
    Difference(
        name="lists of fractions and lists of whole numbers",
        why="As for the numbers themselves.",
        data=lambda: pd.Series([np.array([1.5]), np.array([1])], name="a"),
        theirs="refused",
        ours='{"type": "double"}',
    ),
    Difference(
        name="empty arrays within",
        why="An array has a type whether or not it is empty.",
        data=lambda: {"a": np.array([]), "b": "x"},
        theirs="refused",
        ours='{"type": "double"}',
    ),
    Difference(
        name="categories of points in time",
        why="A column of categories has the type of its categories, as for texts and numbers.",
        data=lambda: pd.Series(pd.to_datetime(["2020-01-01"]), dtype="category", name="a"),
        theirs="refused",
        ours='"datetime"',
    ),
    Difference(
        name="no categories",
        why="An empty column of objects is one of texts, with categories too.",
        data=lambda: pd.Series([], dtype="category", name="a"),
        theirs="refused",
        ours='"string"',
    ),
    Difference(
        name="arrays without axes in columns",
        why="They are single values.",
        data=lambda: pd.Series([np.array(1)], name="a"),
        theirs="refused",
        ours='"long"',
    ),
    Difference(
        name="NaN in rows",
        why="It is a missing value, as in a dict and in a column.",
        data=lambda: [{"a": float("nan")}],
        theirs='"required": true',
        ours='"required": false',
    ),
    Difference(
        name="polars",
        why="A DataFrame is a DataFrame.",
        data=lambda: pl.DataFrame({"a": [1, None], "b": [["x"], ["y"]]}),
        theirs="refused",
        ours='{"type": "long", "name": "a", "required": false}, {"type": "array", "items": {"type": "string"}',
    ),
)

KINDER = (
    Difference(
        name="columns without letters in their names",
        why="Every text is a name; MLflow takes this one for none.",
        data=lambda: {"": np.array([1])},
        schema='[{"name": "", "type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]',
        theirs="Model is missing inputs [0]",
        ours="{'': ['1']}",
    ),
    Difference(
        name="whole numbers for fractions",
        why="No digit is lost; MLflow takes int64 for double where all numbers are 0 or 1, and int32 always.",
        data=lambda: pd.DataFrame({"a": [2]}),
        schema=column("double"),
        theirs="Can not safely convert int64 to float64",
        ours="{'a': ('float64', ['2.0'])}",
    ),
    Difference(
        name="narrow whole numbers for narrow fractions",
        why="As above: MLflow takes int64 that are 0 or 1 for float, but not int8.",
        data=lambda: pd.DataFrame({"a": np.array([1], dtype="int8")}),
        schema=column("float"),
        theirs="Can not safely convert int8 to float32",
        ours="{'a': ('float32', ['1.0'])}",
    ),
    Difference(
        name="pandas' own whole numbers for fractions",
        why="The same numbers as int64.",
        data=lambda: pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}),
        schema=column("double"),
        theirs="Can not safely convert Int64 to float64",
        ours="{'a': ('float64', ['1.0', 'missing'])}",
    ),
    Difference(
        name="numbers of Python's own",
        why="They have no width: what JSON says of an integer column fits it where the value does.",
        data=lambda: [{"a": 1}],
        schema=column("integer"),
        theirs="Can not safely convert int64 to int32",
        ours="{'a': ('int32', ['1'])}",
    ),
    Difference(
        name="fractions of Python's own",
        why="As above: JSON could never call a model with a column of float.",
        data=lambda: [{"a": 1.5}],
        schema=column("float"),
        theirs="Can not safely convert float64 to float32",
        ours="{'a': ('float32', ['1.5'])}",
    ),
    Difference(
        name="missing whole numbers in an optional column",
        why="It is optional because values were missing when it was inferred.",
        data=lambda: pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}),
        schema=column("long", required=False),
        theirs="cannot convert NA to integer",
        ours="{'a': ('Int64', ['1', 'missing'])}",
    ),
    Difference(
        name="missing whole numbers that pandas has made fractions",
        why="As above.",
        data=lambda: pd.DataFrame({"a": [1.0, None]}),
        schema=column("long", required=False),
        theirs="Can not safely convert float64 to int64",
        ours="{'a': ('Int64', ['1', 'missing'])}",
    ),
    Difference(
        name="nothing but missing values in an optional column",
        why="pandas calls such a column one of floats, whatever it would hold.",
        data=lambda: pd.DataFrame({"a": [float("nan")]}),
        schema=column("string", required=False),
        theirs="Can not safely convert float64 to <U0",
        ours="{'a': ('object', ['None'])}",
    ),
    Difference(
        name="NaN for a missing list",
        why="It is how pandas writes None; MLflow takes None only.",
        data=lambda: pd.DataFrame({"a": [[1], float("nan")]}),
        schema='[{"type": "array", "items": {"type": "long"}, "name": "a", "required": false}]',
        theirs="got float",
        ours="{'a': ('object', [['1'], 'missing'])}",
    ),
    Difference(
        name="missing elements of lists",
        why="A type cannot say whether elements may be missing, and MLflow infers one from such lists.",
        data=lambda: [{"a": [1, None]}],
        schema=array("long"),
        theirs="Can not safely convert float64 to int64",
        ours="{'a': ('object', [['1', 'None']])}",
    ),
    Difference(
        name="no rows",
        why="A column without values has no type that could be wrong.",
        data=lambda: pd.DataFrame({"a": []}),
        schema=column("long"),
        theirs="Can not safely convert float64 to int64",
        ours="{'a': ('int64', [])}",
    ),
    Difference(
        name="categories",
        why="They are inferred as the type of their categories, and stay what they are.",
        data=lambda: pd.DataFrame({"a": pd.Series(["x"], dtype="category")}),
        schema=column("string"),
        theirs="Can not safely convert category to <U0",
        ours="{'a': ('category', ['x'])}",
    ),
    Difference(
        name="points in time as text",
        why="JSON has no other way to say them.",
        data=lambda: [{"a": "2020-01-02T03:04:05"}],
        schema=column("datetime"),
        theirs="Can not safely convert str to datetime64[ns]",
        ours="""{'a': ('datetime64[ns]', ["Timestamp('2020-01-02 03:04:05')"])}""",
    ),
    Difference(
        name="single points in time",
        why="Inferred as a column of one value, and so enforced.",
        data=lambda: _NEW_YEAR,
        schema='[{"type": "datetime", "required": true}]',
        theirs="Expected input to be DataFrame. Found: datetime",
        ours="Timestamp('2020-01-01 00:00:00')",
    ),
    Difference(
        name="points in time within objects",
        why="Only numpy's are taken by MLflow, though it infers the type from Python's.",
        data=lambda: [{"a": {"x": _NEW_YEAR}}],
        schema='[{"type": "object", "properties": {"x": {"type": "datetime", "required": true}}, '
        '"name": "a", "required": true}]',
        theirs="Expected type datetime, received type datetime",
        ours="{'x': 'datetime.datetime(2020, 1, 1, 0, 0)'}",
    ),
    Difference(
        name="names of several levels",
        why="They are those of the table; MLflow writes them and cannot read them again.",
        data=lambda: pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])),
        schema='[{"type": "long", "name": ["a", "b"], "required": true}]',
        theirs="unhashable type: 'list'",
        ours="('int64', ['1'])",
    ),
    Difference(
        name="an empty list",
        why="It has no rows; MLflow says that it has no columns.",
        data=list,
        schema='[{"type": "string", "required": true}]',
        theirs="missing inputs",
        ours="('object', [])",
    ),
    Difference(
        name="polars' tables",
        why="They are tables.",
        data=lambda: pl.DataFrame({"a": [1]}),
        schema=column("long"),
        theirs="Expected input to be DataFrame. Found: DataFrame",
        ours="{'a': ('int64', ['1'])}",
    ),
    Difference(
        name="columns of lists in a dict",
        why="The schema says which lists are values and which are columns.",
        data=lambda: {"a": [[1], [2]]},
        schema=array("long"),
        theirs="refused",
        ours="{'a': ('object', [['1'], ['2']])}",
    ),
    Difference(
        name="a dict where a map is wanted",
        why="It is the value; MLflow makes it rows.",
        data=lambda: {"a": {"x": 1}},
        schema='[{"type": "map", "values": {"type": "long"}, "name": "a", "required": true}]',
        theirs="Expected data to be a dict, got int",
        ours="{'a': ('object', [{'x': '1'}])}",
    ),
    Difference(
        name="lists for a column of lists without a name",
        why="Inferred so, and so enforced; MLflow makes the elements columns.",
        data=lambda: [[1, 2], [3]],
        schema='[{"type": "array", "items": {"type": "long"}, "required": true}]',
        theirs="got int",
        ours="{'0': ('object', [['1', '2'], ['3']])}",
    ),
    Difference(
        name="lists for tensors",
        why="JSON has no other way to say them; the numbers keep their values.",
        data=lambda: [[1.0, 2.0, 3.0]],
        schema='[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 3]}}]',
        theirs="an input of type <class 'list'> was found",
        ours="[['1.0', '2.0', '3.0']]",
    ),
    Difference(
        name="lists for tensors with names",
        why="As above.",
        data=lambda: {"x": [[1, 2]]},
        schema='[{"name": "x", "type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 2]}}]',
        theirs="a dict with value type <class 'list'> was found",
        ours="{'x': [['1.0', '2.0']]}",
    ),
    Difference(
        name="tables of texts for tensors",
        why="pandas has texts as objects; MLflow takes one column of them and refuses two.",
        data=lambda: pd.DataFrame({"x": ["a"], "y": ["b"]}),
        schema='[{"type": "tensor", "tensor-spec": {"dtype": "str", "shape": [-1, 2]}}]',
        theirs="dtype of input object does not match expected dtype <U0",
        ours="[['a', 'b']]",
    ),
)

STRICTER = (
    Difference(
        name="anything for text",
        why="MLflow lets every column of objects pass as texts.",
        data=lambda: pd.DataFrame({"a": ["x", 1]}),
        schema=column("string"),
        theirs="('object', ['x', '1'])",
        ours="a: expected string, got int (1), in row 1",
    ),
    Difference(
        name="anything for bytes",
        why="As above.",
        data=lambda: pd.DataFrame({"a": ["x"]}),
        schema=column("binary"),
        theirs="['x']",
        ours="a: expected binary, got str",
    ),
    Difference(
        name="anything for truth values",
        why="As above.",
        data=lambda: pd.DataFrame({"a": [[1]]}),
        schema=column("boolean"),
        theirs="[['1']]",
        ours="a: expected boolean, got list ([1]), in row 0",
    ),
    Difference(
        name="lists for text in a dict",
        why="As above: MLflow makes a row of both, with a list for the text.",
        data=lambda: {"a": ["x", "y"], "b": 1},
        schema=column("string").replace("]", ', {"type": "long", "name": "b", "required": true}]'),
        theirs="[['x', 'y']]",
        ours="a: expected string, got list (['x', 'y']), in row 0",
    ),
    Difference(
        name="a dict of lists of texts",
        why="It is a table, as with lists of numbers; MLflow makes one row of it, with lists for the texts.",
        data=lambda: {"a": ["x", "y"]},
        schema=column("string"),
        theirs="('object', [['x', 'y']])",
        ours="{'a': ('str', ['x', 'y'])}",
    ),
    Difference(
        name="truth values for numbers",
        why="MLflow refuses them for numbers, but not where one is missing.",
        data=lambda: pd.DataFrame({"a": [True, None]}),
        schema=column("double"),
        theirs="('float64', ['1.0', 'missing'])",
        ours="a: expected double, got bool (True), in row 0",
    ),
    Difference(
        name="None among texts in a list",
        why="MLflow gives the model the beginning of the text 'None', as long as the longest other text.",
        data=lambda: [{"a": ["x", None]}],
        schema=array("string"),
        theirs="[['x', 'n']]",
        ours="[['x', 'None']]",  # the value None: see test_deliberate.py
    ),
    Difference(
        name="texts that end in a NUL",
        why="MLflow cuts it off, as numpy does.",
        data=lambda: [{"a": ["x\0"]}],
        schema=array("string"),
        theirs="[['x']]",
        ours="[['x\\x00']]",
    ),
    Difference(
        name="bytes among texts in a list",
        why="MLflow decodes them.",
        data=lambda: [{"a": [b"x"]}],
        schema=array("string"),
        theirs="[['x']]",
        ours="a[0]: expected string, got bytes (b'x'), in row 0",
    ),
    Difference(
        name="dates among texts in a list",
        why="MLflow writes them as text.",
        data=lambda: [{"a": [dt.date(2020, 1, 1)]}],
        schema=array("string"),
        theirs="[['2020-01-01']]",
        ours="a[0]: expected string, got datetime.date",
    ),
    Difference(
        name="anything for truth values in a list",
        why="MLflow asks Python whether it is true: a missing one becomes False.",
        data=lambda: [{"a": [b"x", None]}],
        schema=array("boolean"),
        theirs="[['True', 'False']]",
        ours="a[0]: expected boolean, got bytes (b'x'), in row 0",
    ),
    Difference(
        name="points in time in a list",
        why="MLflow gives the model nanoseconds as whole numbers.",
        data=lambda: [{"a": [_NEW_YEAR]}],
        schema=array("datetime"),
        theirs="[['1577836800000000000']]",
        ours="[['datetime.datetime(2020, 1, 1, 0, 0)']]",
    ),
    Difference(
        name="no rows of objects",
        why="The column has the type of the signature; MLflow leaves objects, or makes it one of int64.",
        data=lambda: pd.DataFrame({"a": pd.Series([], dtype=object)}),
        schema=column("double"),
        theirs="('int64', [])",
        ours="('float64', [])",
    ),
    Difference(
        name="narrow numbers for anything",
        why="What is not looked at is not changed.",
        data=lambda: pd.DataFrame({"a": np.array([1], dtype="int8")}),
        schema=column("any"),
        theirs="('int64', ['1'])",
        ours="('int8', ['1'])",
    ),
    Difference(
        name="a dict for anything",
        why="It is the value; MLflow makes it rows.",
        data=lambda: {"a": {"x": 1}},
        schema='[{"type": "any", "name": "a", "required": true}]',
        theirs="('int64', ['1'])",
        ours="('object', [{'x': '1'}])",
    ),
)

PARAMS_INFERENCE = (
    Difference(
        name="empty lists",
        why="`stop=[]` is a list of texts; MLflow says that they are points in time.",
        data=lambda: {"p": []},
        theirs='"datetime"',
        ours='"string"',
    ),
    Difference(
        name="narrow numpy scalars as defaults",
        why="As for data.",
        data=lambda: {"p": np.int8(1)},
        theirs="refused",
        ours='"integer"',
    ),
)

PARAMS = (
    Difference(
        name="whole numbers that a double cannot hold",
        why="No digit is lost, as in data.",
        data=lambda: {"p": 2**53 + 1},
        schema='[{"name": "p", "type": "double", "default": 0.5, "shape": null}]',
        theirs="{'p': '9007199254740992.0'}",
        ours="p: expected double, which has 53 bits for whole numbers",
    ),
    Difference(
        name="no text for a point in time",
        why="It is none; MLflow makes it None.",
        data=lambda: {"p": ""},
        schema='[{"name": "p", "type": "datetime", "default": "2020-01-01", "shape": null}]',
        theirs="{'p': 'None'}",
        ours="p: expected datetime, got str ('')",
    ),
    Difference(
        name="numbers that the type has no room for",
        why="An integer has 32 bits.",
        data=lambda: {"p": 2**40},
        schema='[{"name": "p", "type": "integer", "default": 1, "shape": null}]',
        theirs="{'p': '1099511627776'}",
        ours="p: expected integer, which has 32 bits",
    ),
)

READING = (
    Difference(
        name="nested columns that do not say whether they are required",
        why="They are, as plain columns are; MLflow answers null, and then takes them for optional.",
        data=lambda: '[{"type": "any", "name": "a"}]',
        theirs='"required": null',
        ours='"required": true',
    ),
    Difference(
        name="columns that are `optional`",
        why="MLflow before 2.10 wrote so, and its own newer versions cannot read it.",
        data=lambda: '[{"type": "long", "name": "a", "optional": true}]',
        theirs="unexpected keyword argument",
        ours='"required": false',
    ),
    Difference(
        name="properties called cls",
        why="Every name is one; MLflow takes this one for an argument of its own.",
        data=lambda: (
            '[{"type": "object", "properties": {"cls": {"type": "long", "required": true}}, "required": true}]'
        ),
        theirs="multiple values for argument 'cls'",
        ours='{"cls": {"type": "long", "required": true}}',
    ),
    Difference(
        name="what newer versions may add",
        why="It is passed over.",
        data=lambda: '[{"type": "long", "name": "a", "comment": "x"}]',
        theirs="unexpected keyword argument",
        ours='[{"type": "long", "name": "a", "required": true}]',
    ),
)
