"""Models to save, log and load, and data for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

import tracking_client as tracking

TABLE = pd.DataFrame({"age": [30.0, 41.5, 52.0], "rooms": [2, 3, 5]})
TARGET = np.array([1.0, 2.0, 4.0])


def fitted() -> Any:
    """A model of scikit-learn that takes TABLE."""
    return LinearRegression().fit(TABLE, TARGET)


def network() -> Any:
    """A small network of Keras that takes arrays of two columns."""
    import keras

    keras.utils.set_random_seed(1)
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])


def scaled(base: type = tracking.pyfunc.PythonModel) -> Any:
    """A Python model with an artifact and params. Its class is pickled by value, as those of scripts are."""

    class Scaled(base):  # type: ignore[misc]  # ours or MLflow's
        def load_context(self, context: Any) -> None:
            with open(context.artifacts["factor"]) as file:
                self.factor = float(file.read())

        def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
            return model_input["age"].to_numpy() * self.factor + (params or {}).get("offset", 0.0)

    Scaled.__module__ = "__main__"
    return Scaled()


def oldest() -> Any:
    """A function as a model."""

    def oldest(model_input: Any) -> Any:
        return model_input[["age"]].max(axis=1).to_numpy()

    oldest.__module__ = "__main__"
    return oldest


def factor_file(directory: Path, factor: float = 2.0) -> Path:
    """The artifact of `scaled`."""
    path = directory / "factor.txt"
    path.write_text(str(factor))
    return path


def code_file(directory: Path, library: str = "tracking_client") -> Path:
    """A model from code, in the words of a library."""
    path = directory / "rule.py"
    path.write_text(
        f"import {library} as library\n"
        "import json\n"
        "class Rule(library.pyfunc.PythonModel):\n"
        "    def predict(self, context, model_input, params=None):\n"
        "        return (model_input['rooms'] > 2).to_numpy()\n"
        "library.models.set_model(Rule())\n"
    )
    return path
