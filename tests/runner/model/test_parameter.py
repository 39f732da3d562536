from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import InvalidParameter, MissingParameter
from runner.model.parameter import Parameter, ParameterKind, as_float, known_kind, list_text


@pytest.mark.parametrize("value", ["1", "1.", ".5", "1e-1", "-3E+4", "nan", "inf", "-Infinity", "1_000.5"])
def test_a_float_takes_what_python_reads_as_one_and_keeps_it_as_given(value: str) -> None:
    assert Parameter(name="x", kind="float").check(value) == value


@pytest.mark.parametrize("value", ["", "abc", "1,5", " 1", "1 ", "٣", "0x10", "1e", "--1"])
def test_a_float_refuses_everything_else(value: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        Parameter(name="rate", kind="float").check(value)
    assert (caught.value.name, caught.value.value, caught.value.kind) == ("rate", value, "float")
    assert "'rate'" in str(caught.value)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("value", ["0", "-7", "+3", "1_000", "9" * 400])
def test_an_int_takes_whole_numbers(value: str) -> None:
    assert Parameter(name="n", kind="int").check(value) == value


@pytest.mark.parametrize(
    ("value", "hint"),
    [("3.0", "write 3"), ("1e3", "write 1000"), ("2.5", "declare it as float"), (" 4", "write 4")],
)
def test_an_int_that_is_almost_one_is_refused_with_a_hint(value: str, hint: str) -> None:
    with pytest.raises(InvalidParameter, match="not an int") as caught:
        Parameter(name="n", kind="int").check(value)
    assert caught.value.hint is not None
    assert hint in caught.value.hint


@pytest.mark.parametrize("value", ["9" * 5000, "", "abc", "nan", "--3", "1__0"])
def test_an_int_refuses_what_is_no_number(value: str) -> None:
    with pytest.raises(InvalidParameter):
        Parameter(name="n", kind="int").check(value)


def test_limits_are_inclusive_and_named() -> None:
    rate = Parameter(name="rate", kind="float", minimum=0.0, maximum=1.0)
    assert [rate.check(value) for value in ("0", "1", "0.5", "1e-9")] == ["0", "1", "0.5", "1e-9"]
    for value in ("-1e-9", "1.1", "nan", "inf"):
        with pytest.raises(InvalidParameter, match="between 0 and 1"):
            rate.check(value)
    with pytest.raises(InvalidParameter, match="1234567 or more"):
        Parameter(name="n", kind="int", minimum=1234567).check("3")
    with pytest.raises(InvalidParameter, match="5 or less"):
        Parameter(name="n", kind="int", maximum=5).check("6")


def test_a_choice_names_the_near_one() -> None:
    optimizer = Parameter(name="optimizer", kind="choice", choices=("adam", "sgd"))
    assert optimizer.check("sgd") == "sgd"
    with pytest.raises(InvalidParameter, match="one of: adam, sgd") as caught:
        optimizer.check("adan")
    assert caught.value.hint == "did you mean 'adam'?"


def test_numeric_choices_compare_as_numbers() -> None:
    rate = Parameter(name="rate", kind="float", choices=("0.1", "0.01"))
    assert rate.check("1e-1") == "1e-1"
    with pytest.raises(InvalidParameter):
        rate.check("0.2")


@pytest.mark.parametrize("value", ["true", "False", "YES", "no", "on", "Off", "1", "0", "t", "N"])
def test_a_bool_is_any_usual_word_and_stays_as_written(value: str) -> None:
    flag = Parameter(name="flag", kind="bool")
    assert flag.check(value) == value
    assert flag.is_true(value) == (value.lower() in {"true", "yes", "on", "1", "t", "y"})


def test_a_bool_is_not_any_text() -> None:
    with pytest.raises(InvalidParameter, match="not a bool"):
        Parameter(name="flag", kind="bool").check("maybe")


@pytest.mark.parametrize("kind", ["int", "float", "bool"])
def test_the_default_itself_is_always_taken(kind: ParameterKind) -> None:
    parameter = Parameter(name="depth", kind=kind, default="None")
    assert parameter.choose({}) == "None"
    assert parameter.choose({"depth": "None"}) == "None"
    with pytest.raises(InvalidParameter):
        parameter.check_type("None")
    with pytest.raises(InvalidParameter):
        parameter.choose({"depth": "none"})


def test_a_value_is_required_without_a_default_unless_optional() -> None:
    with pytest.raises(MissingParameter, match="'alpha'") as caught:
        Parameter(name="alpha").choose({})
    assert caught.value.hint == "give it with -P alpha=VALUE"
    assert Parameter(name="alpha", optional=True).choose({}) is None
    assert Parameter(name="alpha", default="").choose({}) == ""


@pytest.mark.parametrize("value", ["a\0b", "\ud800", "x" * 200_000])
def test_what_no_program_argument_can_hold_is_refused(value: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        Parameter(name="text").check(value)
    assert len(str(caught.value)) < 300
    str(caught.value).encode()


def test_a_value_that_is_no_text_is_refused() -> None:
    with pytest.raises(InvalidParameter, match="int"):
        Parameter(name="text").check(3)  # type: ignore[arg-type]  # as a careless Python caller would


@given(items=st.lists(st.text(max_size=8), max_size=5).map(tuple))
def test_list_text_is_split_into_the_same_items(items: tuple[str, ...]) -> None:
    assert Parameter(name="xs", kind="list", items="string").split(list_text(items)) == items


@given(items=st.lists(st.text(max_size=8), max_size=5))
def test_a_json_list_gives_its_items_exactly(items: list[str]) -> None:
    assert Parameter(name="xs", kind="list", items="string").split(json.dumps(items)) == tuple(items)


def test_list_items_are_checked_one_by_one() -> None:
    layers = Parameter(name="layers", kind="list", items="int", minimum=1)
    assert layers.check("64, 32") == "64, 32"
    assert layers.split("64, 32") == ("64", "32")
    assert layers.split("[64, 3.0, true, null]") == ("64", "3.0", "true", "null")
    assert layers.split("") == layers.split("[]") == ()
    for value in ("64,x", "64,0", "[1, [2]]", "[1, 2", "64,,32"):
        with pytest.raises(InvalidParameter, match="'layers'"):
            layers.check(value)


def test_a_list_without_items_is_plain_text() -> None:
    assert Parameter(name="xs", kind="list").check("[not json") == "[not json"


def test_a_local_path_becomes_absolute_from_the_callers_directory(tmp_path: Path) -> None:
    (tmp_path / "data.csv").touch()
    (tmp_path / "ü %41.csv").touch()
    data = Parameter(name="data", kind="path")
    odd = (tmp_path / "ü %41.csv").as_uri()
    assert data.locate(odd, base=Path("/"), project=None) == str(tmp_path / "ü %41.csv")
    absolute = str(tmp_path / "data.csv")
    assert data.locate("data.csv", base=tmp_path, project=None) == absolute
    assert data.locate(absolute, base=Path("/"), project=None) == absolute
    assert data.locate((tmp_path / "data.csv").as_uri(), base=Path("/"), project=None) == absolute


@pytest.mark.parametrize("value", ["missing.csv", "", "file:///nowhere/at/all", "x" * 5000])
def test_a_local_path_must_exist(value: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidParameter, match="does not exist"):
        Parameter(name="data", kind="path").locate(value, base=tmp_path, project=tmp_path)


def test_only_a_default_is_looked_for_in_the_project_too(tmp_path: Path) -> None:
    project, caller = tmp_path / "project", tmp_path / "caller"
    for directory in (project, caller):
        directory.mkdir()
    (project / "data.csv").touch()
    default = Parameter(name="data", kind="path", default="data.csv")
    assert default.locate("data.csv", base=caller, project=project) == str(project / "data.csv")
    with pytest.raises(InvalidParameter):
        Parameter(name="data", kind="path").locate("data.csv", base=caller, project=project)
    (caller / "data.csv").touch()
    assert default.locate("data.csv", base=caller, project=project) == str(caller / "data.csv")


@pytest.mark.parametrize("value", ["s3://bucket/key", "https://example.org/a.csv", "runs:/abc/model"])
def test_a_remote_path_is_to_be_downloaded_and_a_remote_uri_passed_on(value: str, tmp_path: Path) -> None:
    assert Parameter(name="data", kind="path").locate(value, base=tmp_path, project=None) is None
    assert Parameter(name="data", kind="uri").locate(value, base=tmp_path, project=None) == value


def test_a_uri_may_be_an_existing_local_path(tmp_path: Path) -> None:
    (tmp_path / "a:b").touch()
    uri = Parameter(name="data", kind="uri")
    assert uri.locate("a:b", base=tmp_path, project=None) == str(tmp_path / "a:b")
    assert uri.locate("file:///nowhere", base=tmp_path, project=None) == "file:///nowhere"
    with pytest.raises(InvalidParameter, match="does not exist"):
        uri.locate("nowhere", base=tmp_path, project=None)


@pytest.mark.parametrize(
    ("word", "kind"),
    [("str", "string"), ("int", "int"), ("banana", None), ("Float", None), ("integer", None)],
)
def test_type_words(word: str, kind: str | None) -> None:
    assert known_kind(word) == kind


@given(st.floats())
def test_every_float_is_read_back(number: float) -> None:
    read = as_float(repr(number))
    assert read == number or (read is not None and math.isnan(read) and math.isnan(number))
