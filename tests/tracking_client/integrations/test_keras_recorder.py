"""What Keras' hooks log, hook by hook: the callback without Keras, whose own trainings are compared elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import tracking_client as tracking
from tracking_client.errors import InvalidArgument
from tracking_client.integrations.keras_callback import KerasRecorder, callback_class
from tracking_client.wire.entities import Run

Runs = Callable[[], list[Run]]


class _Optimizer:
    def get_config(self) -> dict[str, Any]:
        return {"name": "sgd", "learning_rate": 0.5}


class _Model:
    """As Keras 2's before its first batch: its summary cannot be had yet, and comes line by line."""

    optimizer = _Optimizer()
    is_built = False

    def summary(self, print_fn: Callable[..., None]) -> None:
        if not self.is_built:
            raise ValueError("This model has not yet been built.")
        print_fn("Model: x")
        print_fn("Total params: 1", line_break=True)


def _recorder(**options: Any) -> KerasRecorder:
    return KerasRecorder(framework="keras", optimizer_prefix="optimizer_", **options)


@pytest.mark.parametrize("every", [None, 0, -1, 1.5, "2"])
def test_steps_need_an_interval(every: Any) -> None:
    with pytest.raises(InvalidArgument, match="must be a whole number of at least 1"):
        _recorder(log_every_epoch=False, log_every_n_steps=every)


def test_an_interval_of_steps_and_epochs_together_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="must be None if `log_every_epoch=True`"):
        _recorder(log_every_n_steps=3)


def test_a_model_that_is_built_by_its_first_batch_has_its_summary(runs: Runs) -> None:
    model, recorder = _Model(), _recorder()
    with tracking.start_run() as run:
        recorder.train_begins(model)
        recorder.epoch_begins(0)
        model.is_built = True
        recorder.epoch_ends(0, {"loss": 1})
    (found,) = runs()
    assert found.data.params == {"optimizer_name": "sgd", "optimizer_learning_rate": "0.5"}
    assert [item.path for item in run.client.list_artifacts(run.info.run_id)] == ["model_summary.txt"]


def test_metrics_of_a_model_that_is_named_are_its_own(runs: Runs) -> None:
    model = tracking.initialize_logged_model("m")
    recorder = _recorder(model_id=model.model_id)
    with tracking.start_run() as run:
        recorder.epoch_ends(2, {"loss": 0.25})
        recorder.test_ends({"loss": 0.5})
        run.flush()
    found = {(metric.key, metric.value) for metric in tracking.get_logged_model(model.model_id).metrics}
    assert found == {("loss", 0.25), ("validation_loss", 0.5)}


def test_what_cannot_be_logged_is_said_once(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    recorder = _recorder()
    with tracking.start_run():
        recorder.epoch_ends(0, {"loss": "none"})
        recorder.epoch_ends(1, {"loss": "none"})
        recorder.epoch_ends(2, {"loss": 1.0})
    assert capsys.readouterr().err.count("a Keras training could not be logged: ValueError") == 1
    assert runs()[0].data.metrics == {"loss": 1.0}


def test_a_callback_is_derived_from_the_callers_keras() -> None:
    class Callback:
        """Of some Keras."""

    kind = callback_class(Callback, "keras", "optimizer_")
    assert issubclass(kind, Callback)
    assert callback_class(Callback, "keras", "optimizer_") is kind
