"""Keras autologging by TensorFlow's names, and where callbacks come in forms of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.tracking_client.scripts import Scripts
from tracking_client.client import TrackingClient
from tracking_client.wire.entities import Run

_PREPARED = """
import json, sys
import keras, numpy as np
import tracking_client as tracking

def model(rate=0.01):
    keras.utils.set_random_seed(1)
    made = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    made.compile(optimizer=keras.optimizers.SGD(rate), loss="mse")
    return made

X = np.random.RandomState(0).rand(16, 3).astype("float32")
y = X.sum(1, keepdims=True)
"""

Play = Callable[[str], tuple[list[Run], Any]]


@pytest.fixture
def play(scripts: Scripts, client: TrackingClient, experiment_id: str) -> Play:
    """Runs a program that trains, in a process of its own; its runs, and what it printed last as JSON."""

    def run(source: str) -> tuple[list[Run], Any]:
        environ = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "MLFLOW_EXPERIMENT_ID": experiment_id}
        done = scripts.run(_PREPARED + source, **environ)
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout.splitlines()[-1]) if done.stdout else None
        return list(client.find_runs([experiment_id], order_by=["attributes.start_time"])), said

    return run


def test_early_stopping_is_logged_by_tensorflows_names(play: Play, client: TrackingClient) -> None:
    (run,), history = play("""
tracking.tensorflow.autolog(log_models=False)
stop = keras.callbacks.EarlyStopping(monitor="loss", patience=1, min_delta=100, restore_best_weights=True)
print(json.dumps(model().fit(X, y, epochs=9, verbose=0, callbacks=[stop]).history))
""")
    params, metrics = run.data.params, run.data.metrics
    assert run.data.tags["mlflow.autologging"] == "tensorflow"
    assert params["opt_name"] == "sgd"
    assert {name: params[name] for name in ("monitor", "patience", "min_delta", "restore_best_weights")} == {
        "monitor": "loss",
        "patience": "1",
        "min_delta": "100",
        "restore_best_weights": "True",
    }
    assert (metrics["stopped_epoch"], metrics["restored_epoch"]) == (1.0, 0.0)
    found = [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, "loss")]
    assert found == [(0, history["loss"][0]), (1, history["loss"][1]), (2, history["loss"][0])]


def test_callbacks_come_in_any_form_and_ours_is_there_once(play: Play, client: TrackingClient) -> None:
    runs, _ = play("""
tracking.keras.autolog(log_models=False)
model().fit(X, y, epochs=1, verbose=0, callbacks=keras.callbacks.TerminateOnNaN())
model().fit(X, y, epochs=1, verbose=0, callbacks=[tracking.keras.MlflowCallback()])
made = model()
given = keras.callbacks.CallbackList([], add_history=True, model=made, epochs=1)
made.fit(X, y, epochs=1, verbose=0, callbacks=given)
""")
    assert len(runs) == 3
    for run in runs:
        history = client.get_metric_history(run.info.run_id, "loss")
        assert [point.step for point in history] == [0]


def test_the_call_that_came_last_says_how(play: Play) -> None:
    runs, _ = play("""
tracking.keras.autolog(log_models=False)
tracking.tensorflow.autolog(log_models=False)
model().fit(X, y, epochs=1, verbose=0)
tracking.keras.autolog(log_models=False, exclusive=True)
model().fit(X, y, epochs=1, verbose=0)
with tracking.start_run():
    model().fit(X, y, epochs=1, verbose=0)
""")
    assert [run.data.tags.get("mlflow.autologging") for run in runs] == ["tensorflow", "keras", None]
    assert runs[2].data.metrics == {}


def test_what_is_asked_for_wrongly_is_refused_at_once(play: Play) -> None:
    _, said = play("""
try:
    tracking.keras.autolog(log_every_n_steps=3)
except tracking.TrackingError as error:
    print(json.dumps(str(error)))
""")
    assert said.startswith("`log_every_n_steps` must be None if `log_every_epoch=True`")


def test_a_model_is_logged_with_a_signature_and_can_be_had_again(play: Play) -> None:
    (run,), said = play("""
tracking.keras.autolog(log_input_examples=True)
trained = model()
trained.fit(X, y, epochs=1, verbose=0)
made = tracking.last_logged_model()
again = tracking.keras.load_model(made.model_uri)
pyfunc = tracking.pyfunc.load_model(made.model_uri)
wanted = trained.predict(X, verbose=0)
print(json.dumps({
    "name": made.name,
    "run": made.source_run_id,
    "same": bool(np.allclose(again.predict(X, verbose=0), wanted)),
    "same by pyfunc": bool(np.allclose(pyfunc.predict(X), wanted)),
    "signature": pyfunc.metadata.signature is not None,
}))
""")
    assert run.info.status == "FINISHED"
    assert said == {
        "name": "model",
        "run": run.info.run_id,
        "same": True,
        "same by pyfunc": True,
        "signature": True,
    }
