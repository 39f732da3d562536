"""`autolog()` for all libraries: watches what is imported, and waits for what will be."""

from __future__ import annotations

import pytest

import tracking_client as tracking
from tests.tracking_client.scripts import Scripts
from tracking_client.client import TrackingClient
from tracking_client.integrations import autologging


def test_a_library_that_is_imported_is_watched_at_once() -> None:
    import sklearn  # noqa: F401  # from here on it is imported

    tracking.autolog(extra_tags={"team": "blue"}, exclude_flavors=["keras"])
    found = autologging.in_force("sklearn")
    assert found is not None
    assert found.extra_tags == {"team": "blue"}
    tracking.autolog(disable=True, exclude_flavors=["keras"])
    assert autologging.in_force("sklearn") is None
    tracking.autolog(exclude_flavors=["keras", "sklearn"])
    assert autologging.in_force("sklearn") is None


def test_a_library_that_is_imported_later_is_watched_then(scripts: Scripts, client: TrackingClient) -> None:
    experiment = tracking.create_experiment("imported later")
    done = scripts.run(
        """
import sys, tracking_client as tracking
tracking.autolog(log_models=False)
assert not {"sklearn", "keras", "numpy"} & set(sys.modules)
import sklearn
assert sklearn.__spec__.loader is sklearn.__loader__ and sklearn.__file__
from sklearn.linear_model import LinearRegression
LinearRegression().fit([[1.0], [2.0]], [1.0, 2.0])
import keras, numpy
model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(numpy.ones((4, 1)), numpy.ones((4, 1)), verbose=0)
""",
        MLFLOW_EXPERIMENT_ID=experiment,
        KERAS_BACKEND="jax",
        JAX_PLATFORMS="cpu",
    )
    assert done.returncode == 0, done.stderr
    libraries = {run.data.tags["mlflow.autologging"] for run in client.find_runs([experiment])}
    assert libraries == {"keras", "sklearn"}


def test_a_library_that_cannot_be_watched_can_be_imported(scripts: Scripts) -> None:
    done = scripts.run(
        """
import sys, types, pathlib
pathlib.Path("keras.py").write_text("__version__ = '2.15.0'")
sys.path.insert(0, ".")
import tracking_client as tracking
tracking.autolog()
import keras
print(keras.__version__)
"""
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "2.15.0\n"
    assert "keras is not logged by itself: InvalidArgument: Keras 2.15.0 is too old" in done.stderr


def test_a_library_that_is_not_there_is_missing_as_before(scripts: Scripts) -> None:
    done = scripts.run(
        """
import tracking_client as tracking
from tracking_client.integrations.on_import import when_imported
when_imported("no_such_library", lambda: print("never"))
try:
    import no_such_library
except ModuleNotFoundError as error:
    print(error)
"""
    )
    assert done.stdout == "No module named 'no_such_library'\n"


@pytest.mark.parametrize("name", ["nonsense", "__wrapped__"])
def test_a_name_that_a_library_does_not_have_is_an_attribute_error(name: str) -> None:
    for module in (tracking.keras, tracking.sklearn, tracking.tensorflow):
        with pytest.raises(AttributeError, match=name):
            getattr(module, name)
