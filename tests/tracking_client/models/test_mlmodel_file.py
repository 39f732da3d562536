"""The MLmodel file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tracking_client.models.mlflow_quietly import mlflow, quiet
from tracking_client.errors import InvalidArgument, NotFound
from tracking_client.models import Model, infer_signature

_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x7f\x85\u2028\u2029\ufeff"), max_size=20)
_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3),
    max_leaves=8,
)
_MODELS = st.builds(
    Model,
    flavors=st.dictionaries(_TEXTS, st.dictionaries(_TEXTS, _PLAIN, max_size=3), max_size=3),
    metadata=st.none() | st.dictionaries(_TEXTS, _PLAIN, max_size=3),
    run_id=st.none() | _TEXTS,
    model_id=st.none() | _TEXTS,
    model_size_bytes=st.none() | st.integers(0),
    signature=st.none() | st.just(infer_signature(pd.DataFrame({"a": [1.0]}), None, {"p": [1, 2]})),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(_MODELS)
def test_what_is_written_is_read_again(tmp_path: Path, model: Model) -> None:
    model.save(tmp_path / "MLmodel")
    assert Model.load(tmp_path / "MLmodel").to_dict() == model.to_dict()
    assert Model.load(tmp_path).to_dict() == model.to_dict()


def test_mlflow_reads_and_writes_the_same(tmp_path: Path) -> None:
    signature = infer_signature(pd.DataFrame({"a": [1.0]}), pd.Series(["x"]))
    model = Model(signature=signature, model_id="m-1", run_id="r", metadata={"é": [1]})
    model.add_flavor("python_function", loader_module="mlflow.sklearn")
    model.save(tmp_path / "MLmodel")
    with quiet():
        theirs = mlflow.models.Model.load(str(tmp_path))
        theirs.save(str(tmp_path / "theirs"))
    assert Model.load(tmp_path / "theirs").to_dict() == model.to_dict()
    assert (tmp_path / "theirs").read_text() == (tmp_path / "MLmodel").read_text()


def test_keys_that_are_not_known_are_kept(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text("flavors: {}\nnew_in_mlflow_9: {a: 1}\n")
    assert Model.load(tmp_path).to_dict()["new_in_mlflow_9"] == {"a": 1}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- 1",
        "flavors: 3",
        "flavors: {a: 1}",
        "{",
        "!!python/object/apply:os.getcwd []",
        "signature: {inputs: '{'}",
    ],
)
def test_what_is_no_mlmodel_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "MLmodel").write_text(text)
    with pytest.raises(InvalidArgument):
        Model.load(tmp_path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidArgument):
        Model.load(tmp_path)


def test_a_model_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="MLmodel"):
        Model.load(tmp_path)


def test_a_flavor_that_a_model_does_not_have_is_told_with_those_it_has() -> None:
    described: dict[str, Any] = {"flavors": {"keras": {}, "sklearn": {}}}
    with pytest.raises(InvalidArgument, match="keras, sklearn"):
        Model.from_dict(described).flavor("python_function")
