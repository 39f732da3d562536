"""`MlflowCallback`: logs a Keras training from inside. For Keras 3 with any backend, and for Keras 2.

At the beginning: the optimizer's configuration as parameters and the model's summary as a file. Then metrics,
of every epoch (the step is the epoch, from 0) or of every n-th batch (the step is the number of batches, from
1); those of `evaluate` and of validation are called `validation_…`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from tracking_client import notice
from tracking_client.active_model import get_active_model_id
from tracking_client.errors import InvalidArgument, TrackingError
from tracking_client.integrations.autologging import Autologging
from tracking_client.integrations.training import log_new_params
from tracking_client.run import ActiveRun
from tracking_client.starting import at_hand

SUMMARY_FILE = "model_summary.txt"


class KerasRecorder:
    """What is logged of a training, hook by hook. The hooks raise nothing: what fails is told, once."""

    def __init__(
        self,
        log_every_epoch: bool = True,
        log_every_n_steps: int | None = None,
        model_id: str | None = None,
        *,
        framework: str,
        optimizer_prefix: str,
    ) -> None:
        if log_every_epoch and log_every_n_steps is not None:
            raise InvalidArgument(
                "`log_every_n_steps` must be None if `log_every_epoch=True`, received "
                f"`log_every_epoch=True` and `log_every_n_steps={log_every_n_steps}`."
            )
        if not log_every_epoch and (not isinstance(log_every_n_steps, int) or log_every_n_steps < 1):
            raise InvalidArgument(
                "`log_every_n_steps` must be a whole number of at least 1 if `log_every_epoch=False`, "
                f"received `log_every_n_steps={log_every_n_steps!r:.50}`."
            )
        self.log_every_epoch = log_every_epoch
        self.log_every_n_steps = log_every_n_steps
        self.model_id = model_id
        self.settings = Autologging(framework=framework)
        self._optimizer_prefix = optimizer_prefix
        self._run: ActiveRun | None = None
        self._epoch = 0
        self._batches = 0
        self._unbuilt: Any = None
        self._has_failed = False

    def train_begins(self, model: Any) -> None:
        """Parameters and summary, to the run at hand, which is the one until the next training."""
        self._batches = 0
        self._run = None
        self._carefully(lambda: self._log_beginning(model))

    def epoch_begins(self, epoch: int) -> None:
        """Counts."""
        self._epoch = epoch

    def epoch_ends(self, epoch: int, logs: Mapping[str, Any] | None) -> None:
        """The epoch's metrics."""
        self._log_summary_of_unbuilt()
        if self.log_every_epoch and logs:
            self._log_metrics(logs, epoch)

    def batch_ends(self, logs: Mapping[str, Any] | None) -> None:
        """The metrics so far of every n-th batch."""
        self._batches += 1
        if self.log_every_n_steps is not None and logs and self._batches % self.log_every_n_steps == 0:
            self._log_metrics(logs, self._batches)

    def test_ends(self, logs: Mapping[str, Any] | None) -> None:
        """The metrics of a validation, or of an evaluation by itself, at the step of the training."""
        if logs:
            step = self._epoch if self.log_every_epoch else self._batches
            self._log_metrics({f"validation_{name}": value for name, value in logs.items()}, step)

    def _log_beginning(self, model: Any) -> None:
        run = self._to_run()
        optimizer = getattr(model, "optimizer", None)
        if optimizer is not None:
            config = {f"{self._optimizer_prefix}{k}": v for k, v in optimizer.get_config().items()}
            log_new_params(run, config, self.settings)
        try:
            run.client.log_text(run.info.run_id, summary_of(model), SUMMARY_FILE)
        except ValueError:  # Keras 2 builds some models with their first batch
            self._unbuilt = model

    def _log_summary_of_unbuilt(self) -> None:
        model, self._unbuilt = self._unbuilt, None
        if model is not None:
            run = self._to_run()
            self._carefully(lambda: run.client.log_text(run.info.run_id, summary_of(model), SUMMARY_FILE))

    def _log_metrics(self, logs: Mapping[str, Any], step: int) -> None:
        def log() -> None:
            from tracking_client import checks
            from tracking_client.wire.entities import Metric

            run, numbers = self._to_run(), {name: float(value) for name, value in logs.items()}
            model_id = self.model_id or get_active_model_id()
            if model_id is None:
                run.log_metrics(numbers, step)
                return
            at_ms = checks.now_ms()
            run.log_measured([Metric(k, v, at_ms, step, model_id) for k, v in numbers.items()])

        self._carefully(log)

    def _to_run(self) -> ActiveRun:
        if self._run is None:
            self._run = at_hand()
        return self._run

    def _carefully(self, log: Callable[[], None]) -> None:
        try:
            log()
        except (TrackingError, OSError, TypeError, ValueError) as error:
            if not self._has_failed:
                self._has_failed = True
                notice.say(f"a Keras training could not be logged: {type(error).__name__}: {error!s:.300}")


def summary_of(model: Any) -> str:
    """The model's summary as Keras prints it."""
    lines: list[str] = []
    # Keras 3 hands over the whole text, Keras 2 line by line.
    model.summary(print_fn=lambda line, **_: lines.append(str(line)))
    return "\n".join(lines)


@functools.lru_cache(maxsize=8)
def callback_class(base: Any, framework: str, optimizer_prefix: str) -> type:
    """`MlflowCallback`, derived from the `Callback` of the Keras that the caller uses."""

    class MlflowCallback(base):  # type: ignore[misc]  # known only when it runs: there are several Keras
        """Logs a training of Keras to the run at hand, one being started where there is none.

        `log_every_epoch=False` needs `log_every_n_steps`; both together raise InvalidArgument. With
        `model_id` metrics belong to that logged model. The training goes on whatever happens to what is
        logged.
        """

        def __init__(
            self,
            log_every_epoch: bool = True,
            log_every_n_steps: int | None = None,
            model_id: str | None = None,
        ) -> None:
            super().__init__()
            self.recorder = KerasRecorder(
                log_every_epoch,
                log_every_n_steps,
                model_id,
                framework=framework,
                optimizer_prefix=optimizer_prefix,
            )

        def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
            """See `KerasRecorder`, as for all that follow."""
            del logs
            self.recorder.train_begins(self.model)

        def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
            """Counts."""
            del logs
            self.recorder.epoch_begins(epoch)

        def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
            """Logs the epoch."""
            self.recorder.epoch_ends(epoch, logs)

        def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
            """Logs every n-th batch."""
            del batch
            self.recorder.batch_ends(logs)

        def on_test_end(self, logs: Mapping[str, Any] | None = None) -> None:
            """Logs a validation."""
            self.recorder.test_ends(logs)

    return MlflowCallback


__all__ = ["SUMMARY_FILE", "KerasRecorder", "callback_class", "summary_of"]
