"""Models saved by us are loaded by MLflow, and the other way round; both predict the same."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tracking_client as tracking
from tests.tracking_client.models import samples
from tests.tracking_client.models.mlflow_quietly import mlflow, quiet
from tests.tracking_client.scripts import Scripts
from tracking_client.errors import AlreadyExists, InvalidArgument
from tracking_client.models import Model, ModelSignature, infer_signature

# Keras itself, of its numpy backend
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

ARRAY = samples.TABLE.to_numpy().astype(np.float32)
_PINS = {"pip_requirements": ["numpy"]}  # MLflow would look for its own for seconds
Save = Callable[[Any, Path, Path, dict[str, Any]], None]


def _sklearn(format: str) -> Save:
    def save(library: Any, path: Path, _: Path, options: dict[str, Any]) -> None:
        library.sklearn.save_model(samples.fitted(), path, serialization_format=format, **options)

    return save


def _scaled(library: Any, path: Path, beside: Path, options: dict[str, Any]) -> None:
    model = samples.scaled(library.pyfunc.PythonModel)
    artifacts = {"factor": str(samples.factor_file(beside))}
    library.pyfunc.save_model(path, python_model=model, artifacts=artifacts, **options)


def _function(library: Any, path: Path, _: Path, options: dict[str, Any]) -> None:
    library.pyfunc.save_model(path, python_model=samples.oldest(), **options)


def _code(library: Any, path: Path, beside: Path, options: dict[str, Any]) -> None:
    words = "mlflow" if library is mlflow else "tracking_client"
    library.pyfunc.save_model(path, python_model=str(samples.code_file(beside, words)), **options)


def _keras(library: Any, path: Path, _: Path, options: dict[str, Any]) -> None:
    if library is mlflow:
        path.mkdir()  # MLflow fails to write an example without it
    library.keras.save_model(samples.network(), str(path), **options)


KINDS: dict[str, tuple[Save, Any]] = {
    "skops": (_sklearn("skops"), samples.TABLE),
    "cloudpickle": (_sklearn("cloudpickle"), samples.TABLE),
    "pickle": (_sklearn("pickle"), samples.TABLE),
    "class": (_scaled, samples.TABLE),
    "function": (_function, samples.TABLE),
    "code": (_code, samples.TABLE),
    "keras": (_keras, ARRAY),
}


def _options(signature: str, data: Any) -> dict[str, Any]:
    if signature == "of an example":
        return {"input_example": data}
    return {"signature": infer_signature(data, samples.TARGET)} if signature == "given" else {}


@pytest.mark.parametrize("signature", ["none", "given", "of an example"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_we_save_mlflow_loads(kind: str, signature: str, tmp_path: Path) -> None:
    save, data = KINDS[kind]
    save(tracking, tmp_path / "model", tmp_path, _options(signature, data))
    ours = tracking.pyfunc.load_model(tmp_path / "model")
    with quiet():
        theirs = mlflow.pyfunc.load_model(str(tmp_path / "model"))
        expected = theirs.predict(data)
    np.testing.assert_array_equal(ours.predict(data), expected)
    if signature == "none":
        assert ours.metadata.signature is theirs.metadata.signature is None
    else:
        assert ours.metadata.signature is not None
        assert ours.metadata.signature.to_dict() == theirs.metadata.signature.to_dict()
    if signature == "of an example":
        np.testing.assert_array_equal(ours.input_example, data)
        np.testing.assert_array_equal(theirs.input_example, data)


@pytest.mark.parametrize("signature", ["none", "of an example"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_mlflow_saves_we_load(kind: str, signature: str, tmp_path: Path) -> None:
    save, data = KINDS[kind]
    with quiet():
        save(mlflow, tmp_path / "model", tmp_path, {**_options(signature, data), **_PINS})
        theirs = mlflow.pyfunc.load_model(str(tmp_path / "model"))
        expected = theirs.predict(data)
    ours = tracking.pyfunc.load_model(tmp_path / "model")
    np.testing.assert_array_equal(ours.predict(data), expected)
    if theirs.metadata.signature is not None:
        assert ours.metadata.signature is not None
        assert ours.metadata.signature.to_dict() == theirs.metadata.signature.to_dict()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "keras"])
def test_both_infer_the_same_signature_and_write_the_same_flavors(kind: str, tmp_path: Path) -> None:
    save, data = KINDS[kind]
    save(tracking, tmp_path / "ours", tmp_path, {"input_example": data})
    with quiet():
        save(mlflow, tmp_path / "theirs", tmp_path, {"input_example": data, **_PINS})
    ours, theirs = Model.load(tmp_path / "ours").to_dict(), Model.load(tmp_path / "theirs").to_dict()
    for varies in ("model_uuid", "utc_time_created", "model_size_bytes"):
        assert ours.pop(varies)
        assert theirs.pop(varies)
    for said in (ours, theirs):
        said["flavors"]["python_function"].pop("code", None)
        said["flavors"]["python_function"].pop("model_code_path", None)
        said["flavors"]["python_function"].pop("cloudpickle_version", None)
    assert ours == theirs


@pytest.mark.parametrize("backend_module", ["keras", "sklearn"])
def test_the_frameworks_own_loaders_agree(backend_module: str, tmp_path: Path) -> None:
    path = tmp_path / "model"
    if backend_module == "keras":
        tracking.keras.save_model(samples.network(), path)
        with quiet():
            theirs = mlflow.keras.load_model(str(path))
        ours, data = tracking.keras.load_model(path), ARRAY
        np.testing.assert_array_equal(ours.predict(data, verbose=0), theirs.predict(data, verbose=0))
    else:
        tracking.sklearn.save_model(samples.fitted(), path)
        with quiet():
            theirs = mlflow.sklearn.load_model(str(path))
        ours = tracking.sklearn.load_model(path)
        np.testing.assert_array_equal(ours.coef_, theirs.coef_)


def test_a_python_model_needs_neither_us_nor_mlflow_to_be_opened(tmp_path: Path, scripts: Scripts) -> None:
    _scaled(tracking, tmp_path / "model", tmp_path, {})
    done = scripts.run(
        "import pickle, sys\n"
        f"sys.path = [place for place in sys.path if place != {str(Path.cwd())!r}]\n"
        "model = pickle.load(open(sys.argv[1], 'rb'))\n"
        "print(type(model).__name__, sorted({'mlflow', 'tracking_client'} & set(sys.modules)))\n",
        str(tmp_path / "model/python_model.pkl"),
        PYTHONPATH=None,
    )
    assert done.stdout == "Scaled []\n", done.stderr


def test_params_of_a_prediction_are_those_of_the_signature(tmp_path: Path) -> None:
    example = (samples.TABLE, {"offset": 1.0})
    _scaled(tracking, tmp_path / "model", tmp_path, {"input_example": example})
    model = tracking.pyfunc.load_model(tmp_path / "model")
    np.testing.assert_array_equal(model.predict(samples.TABLE), samples.TABLE["age"] * 2 + 1)
    np.testing.assert_array_equal(model.predict(samples.TABLE, {"offset": 5}), samples.TABLE["age"] * 2 + 5)
    with pytest.raises(InvalidArgument, match=r"offset.*double.*str"):
        model.predict(samples.TABLE, {"offset": "much"})
    with quiet():
        theirs = mlflow.pyfunc.load_model(str(tmp_path / "model"))
        np.testing.assert_array_equal(theirs.predict(samples.TABLE), samples.TABLE["age"] * 2 + 1)


def test_a_prediction_from_other_data_names_the_column_and_both_types(tmp_path: Path) -> None:
    tracking.sklearn.save_model(samples.fitted(), tmp_path / "model", input_example=samples.TABLE)
    model = tracking.pyfunc.load_model(tmp_path / "model")
    with pytest.raises(InvalidArgument, match=r"rooms.*expected long.*str"):
        model.predict(samples.TABLE.assign(rooms=["2", "many", "5"]))
    with pytest.raises(InvalidArgument, match=r"lacks columns.*'rooms'"):
        model.predict(samples.TABLE[["age"]])
    np.testing.assert_allclose(model.predict(samples.TABLE[["rooms", "age"]]), samples.TARGET)


def test_what_predict_asks_for_by_its_hints_it_gets(tmp_path: Path) -> None:
    def shout(model_input: list[str]) -> list[str]:
        return [text.upper() for text in model_input]

    shout.__module__ = "__main__"
    tracking.pyfunc.save_model(tmp_path / "model", python_model=shout, input_example=["quiet"])
    assert tracking.pyfunc.load_model(tmp_path / "model").predict(["a", "b"]) == ["A", "B"]


def test_code_that_travels_is_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "travelling_rules"
    package.mkdir()
    (package / "__init__.py").write_text("import numpy\ndef rule(data):\n    return numpy.zeros(len(data))\n")
    monkeypatch.syspath_prepend(tmp_path)

    def by_rule(model_input: Any) -> Any:
        import travelling_rules  # type: ignore[import-not-found]  # written above

        return travelling_rules.rule(model_input)

    by_rule.__module__ = "__main__"
    tracking.pyfunc.save_model(tmp_path / "model", python_model=by_rule, code_paths=[package])
    monkeypatch.undo()
    monkeypatch.setattr(sys, "path", list(sys.path))
    sys.modules.pop("travelling_rules", None)
    try:
        model = tracking.pyfunc.load_model(tmp_path / "model")
        assert model.predict(samples.TABLE).tolist() == [0.0, 0.0, 0.0]
        home = sys.modules["travelling_rules"].__file__
        assert home is not None
        assert Path(home).is_relative_to(tmp_path / "model/code")
    finally:
        sys.modules.pop("travelling_rules", None)
    assert "numpy==" in (tmp_path / "model/requirements.txt").read_text()


def test_another_prediction_of_scikit_learn_is_chosen_when_it_is_saved(tmp_path: Path) -> None:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(samples.TABLE, [0, 1, 1])
    options: dict[str, Any] = {"pyfunc_predict_fn": "predict_proba", "input_example": samples.TABLE}
    tracking.sklearn.save_model(model, tmp_path / "model", **options)
    loaded = tracking.pyfunc.load_model(tmp_path / "model")
    np.testing.assert_allclose(loaded.predict(samples.TABLE), model.predict_proba(samples.TABLE))
    with quiet():
        theirs = mlflow.pyfunc.load_model(str(tmp_path / "model"))
        np.testing.assert_allclose(theirs.predict(samples.TABLE), model.predict_proba(samples.TABLE))


def test_a_model_that_skops_cannot_hold_becomes_a_pickle_unless_skops_was_asked_for(tmp_path: Path) -> None:
    from sklearn.preprocessing import FunctionTransformer

    local = FunctionTransformer(lambda values: values * 2)
    tracking.sklearn.save_model(local, tmp_path / "model", pyfunc_predict_fn="transform")
    assert Model.load(tmp_path / "model").flavors["sklearn"]["serialization_format"] == "cloudpickle"
    loaded = tracking.sklearn.load_model(tmp_path / "model")
    np.testing.assert_array_equal(loaded.transform(ARRAY), ARRAY * 2)
    with pytest.raises(InvalidArgument, match="skops"):
        tracking.sklearn.save_model(
            local, tmp_path / "no", pyfunc_predict_fn="transform", serialization_format="skops"
        )
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_nothing_is_written_over_a_model_and_nothing_is_left_of_a_failure(tmp_path: Path) -> None:
    tracking.sklearn.save_model(samples.fitted(), tmp_path / "model")
    with pytest.raises(AlreadyExists, match="already exists"):
        tracking.sklearn.save_model(samples.fitted(), tmp_path / "model")
    with pytest.raises(InvalidArgument, match="no file"):
        tracking.sklearn.save_model(samples.fitted(), tmp_path / "other", extra_files=[tmp_path / "none"])
    with pytest.raises(InvalidArgument, match="metadata"):
        tracking.sklearn.save_model(samples.fitted(), tmp_path / "other", metadata={"x": object()})
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_model_without_a_sound_example_is_saved_without_a_signature(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="no signature"):
        tracking.sklearn.save_model(
            samples.fitted(), tmp_path / "model", input_example=samples.TABLE.rename(columns={"age": "old"})
        )
    assert tracking.pyfunc.load_model(tmp_path / "model").metadata.signature is None


def test_a_signature_may_come_from_mlflow_itself(tmp_path: Path) -> None:
    theirs = mlflow.models.infer_signature(samples.TABLE.astype(float), samples.TARGET)
    tracking.sklearn.save_model(samples.fitted(), tmp_path / "model", signature=theirs)
    written = Model.load(tmp_path / "model").signature
    assert written is not None
    assert written.to_dict() == theirs.to_dict()
    for wrong in ("text", 3, samples.TABLE):
        with pytest.raises(InvalidArgument, match="infer_signature"):
            tracking.sklearn.save_model(samples.fitted(), tmp_path / "no", signature=wrong)  # type: ignore[arg-type]  # the mistake


def test_a_signature_may_be_unwanted(tmp_path: Path) -> None:
    tracking.sklearn.save_model(
        samples.fitted(), tmp_path / "model", input_example=samples.TABLE, signature=False
    )
    assert Model.load(tmp_path / "model").signature is None


@pytest.mark.parametrize(
    "model", [object(), 3, samples.scaled().__class__], ids=["object", "number", "class itself"]
)
def test_what_is_no_model_is_refused(model: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument):
        tracking.pyfunc.save_model(tmp_path / "model", python_model=model)
    with pytest.raises(InvalidArgument):
        tracking.keras.save_model(model, tmp_path / "model")
    with pytest.raises(InvalidArgument):
        tracking.sklearn.save_model(model, tmp_path / "model")


def test_an_option_that_there_is_not_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="signatur"):
        tracking.sklearn.save_model(samples.fitted(), tmp_path / "model", signatur=ModelSignature)  # type: ignore[call-arg]  # the mistake


def test_the_raw_model_and_the_python_model_are_there(tmp_path: Path) -> None:
    tracking.sklearn.save_model(samples.fitted(), tmp_path / "raw")
    raw = tracking.pyfunc.load_model(tmp_path / "raw")
    np.testing.assert_allclose(raw.get_raw_model().coef_, samples.fitted().coef_)
    with pytest.raises(InvalidArgument, match=r"mlflow\.sklearn"):
        raw.unwrap_python_model()
    _scaled(tracking, tmp_path / "python", tmp_path, {})
    python = tracking.pyfunc.load_model(tmp_path / "python")
    assert python.unwrap_python_model().factor == 2.0
    with pytest.raises(InvalidArgument, match="no raw model"):
        python.get_raw_model()


def test_a_model_in_the_layout_of_tensorflow_is_loaded_without_it(tmp_path: Path) -> None:
    tracking.keras.save_model(samples.network(), tmp_path / "model", input_example=ARRAY)
    described = Model.load(tmp_path / "model")
    described.flavors["tensorflow"] = {"data": "data", "model_type": "keras", "save_format": "tf"}
    del described.flavors["keras"]
    described.flavors["python_function"] |= {"loader_module": "mlflow.tensorflow", "data": "data"}
    described.save(tmp_path / "model/MLmodel")
    expected = samples.network().predict(ARRAY, verbose=0)
    np.testing.assert_allclose(tracking.pyfunc.load_model(tmp_path / "model").predict(ARRAY), expected)
    np.testing.assert_allclose(
        tracking.tensorflow.load_model(tmp_path / "model").predict(ARRAY, verbose=0), expected
    )


@pytest.mark.parametrize(
    ("flavor", "told"),
    [
        ({"model_type": "tf1-estimator", "saved_model_dir": "data"}, "tf1-estimator of TensorFlow"),
        ({"data": "nowhere"}, "not in the model"),
        ({"data": "."}, "no file of Keras 3"),
    ],
)
def test_what_only_mlflow_can_load_is_told(tmp_path: Path, flavor: dict[str, Any], told: str) -> None:
    tracking.keras.save_model(samples.network(), tmp_path / "model")
    described = Model.load(tmp_path / "model")
    described.flavors["keras"] = flavor
    described.save(tmp_path / "model/MLmodel")
    with pytest.raises(InvalidArgument, match=told):
        tracking.keras.load_model(tmp_path / "model")


def test_extra_files_are_where_mlflow_looks_for_them(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("see")
    for library, path in ((tracking, tmp_path / "ours"), (mlflow, tmp_path / "theirs")):
        options: dict[str, Any] = {} if library is tracking else _PINS
        with quiet():
            library.sklearn.save_model(
                samples.fitted(), path, extra_files=[tmp_path / "notes.txt"], **options
            )
    ours, theirs = Model.load(tmp_path / "ours"), Model.load(tmp_path / "theirs")
    assert ours.flavors["sklearn"] == theirs.flavors["sklearn"]
    assert (tmp_path / "ours/extra_files/notes.txt").read_text() == "see"


def test_a_model_that_streams_does_so_in_both(tmp_path: Path) -> None:
    class Streaming(tracking.pyfunc.PythonModel):
        def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
            return list(model_input)

        def predict_stream(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
            yield from model_input

    Streaming.__module__ = "__main__"
    tracking.pyfunc.save_model(tmp_path / "model", python_model=Streaming(), streamable=True)
    assert list(tracking.pyfunc.load_model(tmp_path / "model").predict_stream("ab")) == ["a", "b"]
    with quiet():
        theirs = mlflow.pyfunc.load_model(str(tmp_path / "model"))
        assert list(theirs.predict_stream("ab")) == ["a", "b"]


def test_the_config_of_a_model_may_be_overridden_when_it_is_loaded(tmp_path: Path) -> None:
    class Configured(tracking.pyfunc.PythonModel):
        def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
            return context.model_config

    Configured.__module__ = "__main__"
    config = {"depth": 1, "name": "x"}
    tracking.pyfunc.save_model(tmp_path / "model", python_model=Configured(), model_config=config)
    loaded = tracking.pyfunc.load_model(tmp_path / "model", model_config={"depth": 2})
    assert loaded.predict([1]) == {"depth": 2, "name": "x"}
    with quiet():
        theirs = mlflow.pyfunc.load_model(str(tmp_path / "model"), model_config={"depth": 2})
        assert theirs.predict([1]) == {"depth": 2, "name": "x"}


def test_a_loader_of_the_users_own_is_called_for_a_model_given_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "own_loader.py").write_text(
        "from pathlib import Path\n"
        "class Constant:\n"
        "    def __init__(self, path):\n"
        "        self.value = float(Path(path).read_text())\n"
        "    def predict(self, data):\n"
        "        return [self.value] * len(data)\n"
        "_load_pyfunc = Constant\n"
    )
    (tmp_path / "value.txt").write_text("7")
    with quiet():
        mlflow.pyfunc.save_model(
            str(tmp_path / "model"),
            loader_module="own_loader",
            data_path=str(tmp_path / "value.txt"),
            code_paths=[str(tmp_path / "own_loader.py")],
            **_PINS,
        )
    try:
        assert tracking.pyfunc.load_model(tmp_path / "model").predict([1, 2]) == [7.0, 7.0]
    finally:
        sys.modules.pop("own_loader", None)


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_are_told_of(kind: str, tmp_path: Path) -> None:
    save, _ = KINDS[kind]
    save(tracking, tmp_path / "model", tmp_path, {})
    (file,) = [
        path for path in (tmp_path / "model").rglob("*") if path.suffix in (".pkl", ".skops", ".keras", ".py")
    ]
    for damage in (file.read_bytes()[:20], b"", b"nonsense"):
        file.write_bytes(damage)
        with pytest.raises(InvalidArgument):
            tracking.pyfunc.load_model(tmp_path / "model")


@pytest.mark.parametrize(
    ("kind", "missing", "told"),
    [("keras", "keras", "KERAS_BACKEND"), ("skops", "skops.io", "pip install skops")],
)
def test_a_framework_that_is_not_installed_is_told_of(
    kind: str, missing: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, _ = KINDS[kind]
    save(tracking, tmp_path / "model", tmp_path, {})
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(InvalidArgument, match=told):
        tracking.pyfunc.load_model(tmp_path / "model")


def test_without_skops_models_of_scikit_learn_are_pickles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "skops.io", None)
    tracking.sklearn.save_model(samples.fitted(), tmp_path / "model")
    assert Model.load(tmp_path / "model").flavors["sklearn"]["serialization_format"] == "cloudpickle"
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises(InvalidArgument, match="pip install cloudpickle"):
        tracking.sklearn.save_model(samples.fitted(), tmp_path / "other")
