"""The matrix of models: every flavour, and every kind of signature, as one table.

Models of TensorFlow are in `matrix_tensorflow_cases.py`. Left out, since they make no sense: columns for Keras, whose
models take arrays; params for scikit-learn and Keras, whose `predict` takes none.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.tracking_client.models import samples
from tests.tracking_client.models.matrix_case import Case

ARRAY = samples.TABLE.to_numpy().astype("float32")
_NEW_YEAR = dt.datetime.fromisoformat("2026-01-01T12:30:00")


def echo(library: Any, _: Path) -> dict[str, Any]:
    """A model that gives what it was given, word for word: types, names, order and values."""

    class Echo(library.pyfunc.PythonModel):  # type: ignore[misc]  # of either library
        def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
            def said(value: Any) -> str:
                if hasattr(value, "toarray"):
                    return f"{type(value).__name__} {said(value.toarray())}"
                if hasattr(value, "columns"):
                    columns = [f"{name!r} {value[name].dtype} {said(list(value[name]))}" for name in value]
                    return f"table of {'; '.join(columns)}"
                if hasattr(value, "dtype") and value.shape == ():
                    return said(value.item())  # MLflow makes numpy's numbers of those within objects
                if hasattr(value, "dtype"):
                    return f"{type(value).__name__} {value.dtype} {value.shape} {value.tolist()!r}"
                if isinstance(value, dict):
                    return f"{{{', '.join(f'{key!r}: {said(item)}' for key, item in sorted(value.items()))}}}"
                if isinstance(value, list):
                    return f"[{', '.join(said(item) for item in value)}]"
                return f"{type(value).__name__} {value!r}"

            return [said(model_input), said(params or {})]

    Echo.__module__ = "__main__"
    return {"python_model": Echo()}


def _echoing(name: str, data: Callable[[], Any], **more: Any) -> Case:
    """The echo with a signature from its data, which is its example too."""
    more.setdefault("options", lambda _: {"input_example": data()})
    return Case(name=f"signature: {name}", flavour="pyfunc", model=echo, data=data, **more)


def _table() -> pd.DataFrame:
    return samples.TABLE.copy()


def _all_types() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "boolean": [True, False],
            "integer": np.array([1, 2], dtype="int32"),
            "long": [1, 2],
            "float": np.array([0.5, 1.5], dtype="float32"),
            "double": [0.1, 0.2],
            "string": ["a", "ünï"],
            "binary": [b"\x00\xff", b""],
            "datetime": pd.to_datetime([_NEW_YEAR, "2026-02-01"]),
        }
    )


def _with_gaps() -> pd.DataFrame:
    return pd.DataFrame({"a": [1.5, None], "b": ["x", None], "c": [1, 2]})


def _sparse() -> Any:
    from scipy import sparse

    return sparse.csr_matrix(np.eye(3, dtype="float64"))


def _given(
    inputs: Any, outputs: Any, params: dict[str, Any] | None = None
) -> Callable[[Any], dict[str, Any]]:
    """A signature that was inferred by the library itself."""
    return lambda library: {"signature": library.models.infer_signature(inputs(), outputs, params)}


_PARAMS: dict[str, Any] = {
    "steps": 1,
    "rate": 0.5,
    "name": "x",
    "loud": True,
    "stop": ["."],
    "more": {"k": 1},
}
SIGNATURES = [
    _echoing("none", _table, options=lambda _: {}),
    _echoing("columns", _table),
    _echoing("columns, given and without an example", _table, options=_given(_table, samples.TARGET)),
    _echoing("columns of every type", _all_types),
    _echoing("optional columns", _with_gaps),
    Case(
        name="signature: optional columns left out",
        flavour="pyfunc",
        model=echo,
        data=lambda: pd.DataFrame({"c": [3], "a": [0.5]}),
        options=_given(_with_gaps, ["x"]),
    ),
    _echoing("columns without names", lambda: pd.DataFrame([[1.5, 2.5]])),
    _echoing("a series", lambda: pd.Series([1.0, 2.0], name="a").to_frame()),
    _echoing("a tensor", lambda: ARRAY.copy()),
    _echoing("a tensor of three axes", lambda: np.arange(24, dtype="uint8").reshape(2, 3, 4)),
    _echoing("tensors with names", lambda: {"x": ARRAY.copy(), "y": np.array([[1], [2], [3]])}),
    _echoing("a sparse matrix", _sparse, options=_given(_sparse, np.eye(3))),
    _echoing("a list of texts", lambda: ["a", "b"]),
    _echoing("a list of numbers", lambda: [1, 2, 3]),
    _echoing("a text", lambda: "word"),
    _echoing("a number", lambda: 2.5),
    _echoing("a dict of values", lambda: {"a": 1, "b": "x", "c": 0.5}),
    _echoing("a dict of lists", lambda: {"a": ["x", "y"], "b": ["z"]}),
    _echoing("rows", lambda: [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]),
    _echoing("rows that lack something", lambda: [{"a": "w", "b": "x"}, {"a": "v"}]),
    _echoing("nested objects", lambda: [{"m": {"role": "user", "n": {"k": 1}}, "t": "x"}]),
    _echoing("lists of objects", lambda: {"messages": [{"role": "user", "text": "hi"}, {"role": "bot"}]}),
    _echoing("ragged lists", lambda: pd.DataFrame({"a": [["x"], ["y", "z"]], "b": [[1], [2, 3]]})),
    _echoing("lists of lists", lambda: [{"a": [["x"], ["y", "z"]]}]),
    _echoing("arrays in a column", lambda: pd.DataFrame({"a": [np.array([1, 2]), np.array([3])]})),
    Case(
        name="signature: params",
        flavour="pyfunc",
        model=echo,
        data=_table,
        options=lambda _: {"input_example": (_table(), _PARAMS)},
        params={"steps": 3, "stop": ["a", "b"]},
    ),
    Case(
        name="signature: the defaults of params",
        flavour="pyfunc",
        model=echo,
        data=_table,
        options=lambda _: {"input_example": (_table(), _PARAMS)},
    ),
]


def _line(kept: str) -> Callable[[Any, Path], dict[str, Any]]:
    return lambda _library, _place: {"sk_model": samples.fitted(), "serialization_format": kept}


def _pipeline(_library: Any, _place: Path) -> dict[str, Any]:
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    columns = make_column_transformer((OneHotEncoder(), ["town"]), (StandardScaler(), ["age"]))
    model = make_pipeline(columns, LogisticRegression()).fit(_people(), ["no", "yes", "no"])
    return {"sk_model": model, "pyfunc_predict_fn": "predict_proba", "serialization_format": "cloudpickle"}


def _people() -> pd.DataFrame:
    return pd.DataFrame({"town": ["Ulm", "Köln", "Ulm"], "age": [30.0, 41.5, 52.0]})


def _example(data: Callable[[], Any]) -> Callable[[Any], dict[str, Any]]:
    return lambda _: {"input_example": data()}


SKLEARN = [
    *(
        Case(
            name=f"scikit-learn as {kept}, {kind}",
            flavour="sklearn",
            model=_line(kept),
            data=_table,
            options=options,
            native=lambda model, data: model.predict(data),
        )
        for kept in ("skops", "cloudpickle", "pickle")
        for kind, options in {
            "no signature": lambda _: {},
            "from an example": _example(_table),
            "given": _given(_table, samples.TARGET),
        }.items()
    ),
    Case(
        name="a pipeline of scikit-learn with texts, and its probabilities",
        flavour="sklearn",
        model=_pipeline,
        data=_people,
        options=_example(_people),
        native=lambda model, data: model.predict_proba(data),
        unlike={"signature": "MLflow infers the output from predict(), whatever is chosen for predictions"},
    ),
    Case(
        name="scikit-learn with a tensor",
        flavour="sklearn",
        model=lambda _library, _place: {"sk_model": _fitted_to_array(), "serialization_format": "skops"},
        data=lambda: ARRAY.copy(),
        options=_example(lambda: ARRAY.copy()),
        native=lambda model, data: model.predict(data),
    ),
]


def _fitted_to_array() -> Any:
    from sklearn.linear_model import LinearRegression

    return LinearRegression().fit(ARRAY, samples.TARGET)


def _scaled(library: Any, place: Path) -> dict[str, Any]:
    model = samples.scaled(library.pyfunc.PythonModel)
    return {"python_model": model, "artifacts": {"factor": str(samples.factor_file(place))}}


def _travelling(library: Any, place: Path) -> dict[str, Any]:
    """A class that imports a module of its author's own, which travels with it, and an artifact."""
    (place / "matrix_rules").mkdir()
    (place / "matrix_rules/__init__.py").write_text("def doubled(values):\n    return values * 2\n")

    class Travelling(library.pyfunc.PythonModel):  # type: ignore[misc]  # of either library
        def load_context(self, context: Any) -> None:
            with open(context.artifacts["factor"]) as file:
                self.factor = float(file.read())

        def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
            from matrix_rules import doubled  # type: ignore[import-not-found]  # written above

            return doubled(model_input["age"].to_numpy() * self.factor)

    Travelling.__module__ = "__main__"
    artifacts = {"factor": str(samples.factor_file(place, 3.0))}
    return {
        "python_model": Travelling(),
        "artifacts": artifacts,
        "code_paths": [str(place / "matrix_rules")],
    }


def _code(library: Any, place: Path) -> dict[str, Any]:
    return {"python_model": str(samples.code_file(place, library.__name__))}


def _hinted(hint: Any, result: Any, told: Callable[[Any], Any]) -> Callable[[Any, Path], dict[str, Any]]:
    """A class whose `predict` says by its hints what it takes and gives."""

    def made(library: Any, _: Path) -> dict[str, Any]:
        def predict(self: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
            return [told(item) for item in model_input]

        predict.__annotations__ = {"model_input": hint, **({} if result is None else {"return": result})}
        kind = type("Hinted", (library.pyfunc.PythonModel,), {"predict": predict, "__module__": "__main__"})
        return {"python_model": kind()}

    return made


_HINTS: dict[str, tuple[Any, Any, Callable[[Any], Any], Any]] = {
    "texts": (list[str], list[str], lambda text: text.upper(), ["a", "b"]),
    "numbers": (list[int], list[float], lambda number: number / 2, [1, 2]),
    "points in time": (list[dt.datetime], list[str], lambda time: time.isoformat(), [_NEW_YEAR]),
    "dicts": (list[dict[str, int]], list[int], lambda item: sum(item.values()), [{"a": 1, "b": 2}]),
    "lists": (list[list[float]], list[float], lambda item: sum(item), [[1.0, 2.0], [3.5]]),
    "unions": (list[int | str], list[str], lambda item: str(item), [1, "a"]),
    "anything": (list[Any], Any, lambda item: str(item), [1, "a", None]),
    "a result without a hint": (list[str], None, lambda item: str(item), ["a"]),
}
HINTS = [
    Case(
        name=f"hints: {name}",
        flavour="pyfunc",
        model=_hinted(hint, result, told),
        data=partial(list, data),
    )
    for name, (hint, result, told, data) in _HINTS.items()
]


def _own_loader(_library: Any, place: Path) -> dict[str, Any]:
    """A module of the user's own that makes a model of a file."""
    (place / "matrix_loader.py").write_text(
        "class Constant:\n"
        "    def __init__(self, path, config=None):\n"
        "        self.value = float(open(path).read()) + (config or {}).get('more', 0)\n"
        "    def predict(self, data):\n"
        "        return [self.value] * len(data)\n"
        "_load_pyfunc = Constant\n"
    )
    data = samples.factor_file(place, 7.0)
    return {
        "loader_module": "matrix_loader",
        "data_path": str(data),
        "code_paths": [str(place / "matrix_loader.py")],
    }


def _with_config(library: Any, _: Path) -> dict[str, Any]:
    class Configured(library.pyfunc.PythonModel):  # type: ignore[misc]  # of either library
        def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
            return [sorted(context.model_config.items())]

    Configured.__module__ = "__main__"
    return {"python_model": Configured(), "model_config": {"depth": 1, "names": ["a"]}}


def _configured_loader(library: Any, place: Path) -> dict[str, Any]:
    return {**_own_loader(library, place), "model_config": {"more": 1}}


PYFUNC = [
    *(
        Case(name=f"{what}, {kind}", flavour="pyfunc", model=model, data=_table, options=options)
        for what, model in {
            "a class with an artifact": _scaled,
            "a class with an artifact and code that travels": _travelling,
            "a function": lambda _library, _place: {"python_model": samples.oldest()},
            "a file of code": _code,
            "a class with a config": _with_config,
            "a loader of the user's own": _own_loader,
            "a loader of the user's own with a config": _configured_loader,
        }.items()
        for kind, options in {
            "no signature": lambda _: {},
            "from an example": _example(_table),
        }.items()
    ),
]


def _sequential(_library: Any, _place: Path) -> dict[str, Any]:
    return {"model": samples.network()}


def _functional() -> Any:
    import keras

    keras.utils.set_random_seed(2)
    given = keras.Input((2,))
    return keras.Model(given, keras.layers.Dense(1)(keras.layers.Dense(3, activation="relu")(given)))


def _two_inputs() -> Any:
    import keras

    keras.utils.set_random_seed(3)
    first, second = keras.Input((2,), name="x"), keras.Input((1,), name="y")
    joined = keras.layers.Concatenate()([first, second])
    return keras.Model({"x": first, "y": second}, keras.layers.Dense(1)(joined))


def arrays_by_name() -> dict[str, Any]:
    """What the model with two inputs takes."""
    return {"x": ARRAY.copy(), "y": np.array([[1.0], [2.0], [3.0]], dtype="float32")}


def _made(model: Callable[[], Any]) -> Callable[[Any, Path], dict[str, Any]]:
    return lambda _library, _place: {"model": model()}


def keras_cases(flavour: str) -> list[Case]:
    """Models of Keras, in a flavour's layout. MLflow's `keras` infers no signature from an example."""

    def predict(model: Any, data: Any) -> Any:
        return model.predict(data, verbose=0)

    models: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "a sequential model": (samples.network, lambda: ARRAY.copy()),
        "a functional model": (_functional, lambda: ARRAY.copy()),
        "a model with two inputs": (_two_inputs, arrays_by_name),
    }
    return [
        Case(
            name=f"{flavour}: {what}, {kind}",
            flavour=flavour,
            model=_made(made),
            data=data,
            options=options,
            native=predict,
        )
        for what, (made, data) in models.items()
        for kind, options in {
            "no signature": lambda _: {},
            "given": _given(data, np.zeros((3, 1), dtype="float32")),
        }.items()
    ]


CASES = [*SIGNATURES, *HINTS, *SKLEARN, *PYFUNC, *keras_cases("keras")]
