"""`ActiveRun`: a run that this process is writing to, and the one place where its writes leave from."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, SupportsFloat, final

from tracking_client import checks
from tracking_client.client import TrackingClient
from tracking_client.errors import InvalidArgument
from tracking_client.journal import entries, journals
from tracking_client.wire import limits
from tracking_client.wire.entities import (
    Metric,
    Param,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunStatus,
    RunTag,
)
from tracking_client.wire.notebook import Shown, moment, run_page

if TYPE_CHECKING:
    from tracking_client.wire.entities import (
        Dataset,
        DatasetInput,
        LoggedModelInput,
        LoggedModelOutput,
        RunOutputs,
    )


@final
class ActiveRun(Shown):
    """A run to log to, usable as `with start_run() as run:`.

    `info`, `data` and `inputs` are as they were when the run was started, like on MLflow's. Leaving the
    block ends the run: FINISHED; KILLED by KeyboardInterrupt; FAILED by any other exception but exit(0).
    Safe in threads; a forked child may log to it, and only its maker ends it at exit.
    """

    def __init__(
        self, run: Run, client: TrackingClient, end: Callable[[ActiveRun, str, bool], None] | None = None
    ) -> None:
        self._run = run
        self._run_id = run.info.run_id
        self._client = client
        self._end = end
        self._journal = journals.of(client.transport)
        self._params = dict(run.data.params)
        self._made: dict[int, list[str]] = {}
        for output in run.outputs.model_outputs:
            self._made.setdefault(output.step, []).append(output.model_id)
        self.has_made_models = bool(self._made)
        self._read_models = {item.model_id for item in run.inputs.model_inputs}
        self._read_datasets = {_identity(item.dataset) for item in run.inputs.dataset_inputs}
        self.owner_pid = os.getpid()
        self._before_end: list[Callable[[], None]] = []

    @property
    def info(self) -> RunInfo:
        """Identity and state at the start."""
        return self._run.info

    @property
    def data(self) -> RunData:
        """What was logged before the start."""
        return self._run.data

    @property
    def inputs(self) -> RunInputs:
        """What was recorded as read before the start."""
        return self._run.inputs

    @property
    def outputs(self) -> RunOutputs:
        """The logged models that it had made at the start, and those that this process logged since."""
        from tracking_client.wire.entities import LoggedModelOutput, RunOutputs

        made = [LoggedModelOutput(model_id, step) for step, ids in self._made.items() for model_id in ids]
        return RunOutputs(tuple(made))

    @property
    def client(self) -> TrackingClient:
        """The client of the server that the run is on, whatever URI is in force by now."""
        return self._client

    def to_dictionary(self) -> dict[str, Any]:
        """Info and data as plain dicts."""
        return self._run.to_dictionary()

    def log_metric(
        self, key: str, value: SupportsFloat, step: int | None = None, timestamp: int | None = None
    ) -> None:
        """Logs one value at `step` (0) and `timestamp` in ms since the epoch (now). Raises InvalidArgument.

        Takes microseconds: the value is with the operating system when this returns, and is shipped later.
        """
        self._journal.append_metric(
            entries.metric_line(
                self._run_id,
                key,
                value,
                time.time_ns() // 1_000_000 if timestamp is None else timestamp,
                0 if step is None else step,
            )
        )

    def log_metrics(
        self, metrics: Mapping[str, SupportsFloat], step: int | None = None, timestamp: int | None = None
    ) -> None:
        """Logs values at one step; all of them or, where one is against the rules, none."""
        at_ms = checks.now_ms() if timestamp is None else timestamp
        at_step = 0 if step is None else step
        run_id = self._run_id
        lines = [entries.metric_line(run_id, key, value, at_ms, at_step) for key, value in metrics.items()]
        if lines:
            self._journal.append_metric(b"".join(lines))

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Logs parameters. Raises InvalidArgument where one has another value already, as far as is known
        here; what only the server knows is raised by the next `flush`.
        """
        given = checks.params(params)
        checks.distinct_params(given)
        # No lock, which a fork or the handler of a signal might find taken: of two threads that give a
        # parameter two values at the same moment, the server refuses one.
        new = [item for item in given if self._is_new(item)]
        self._append(entries.PARAM, new)
        self._params.update((item.key, item.value) for item in new)

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Sets tags. Raises InvalidArgument."""
        self._append(entries.TAG, checks.tags(tags))

    def delete_tag(self, key: str) -> None:
        """Removes a tag, on the server when this returns. Raises NotFound where it is not set."""
        self._journal.append(entries.line(entries.UNTAG, self._run_id, {"key": str(key)}))
        self.wait()

    def log_measured(self, metrics: Sequence[Metric]) -> None:
        """Logs values of a logged model, or measured on a data set. Raises InvalidArgument."""
        self._journal.append_metric(
            b"".join(
                entries.line(entries.METRIC, self._run_id, checks.checked_metric(item).to_wire())
                for item in metrics
            )
        )

    def log_inputs(self, datasets: Sequence[DatasetInput], models: Sequence[LoggedModelInput] = ()) -> None:
        """Records the data sets and the logged models that the run read."""
        self._journal.append(entries.inputs_line(self._run_id, datasets, models))
        self._read_models.update(item.model_id for item in models)
        self._read_datasets.update(_identity(item.dataset) for item in datasets)

    def log_outputs(self, models: Sequence[LoggedModelOutput]) -> None:
        """Records the logged models that the run made, each at a step of it."""
        self._journal.append(entries.outputs_line(self._run_id, models))

    def has_logged(self, output: LoggedModelOutput) -> None:
        """Notes a model that the run made, and that is recorded already."""
        self._made.setdefault(output.step, []).append(output.model_id)
        self.has_made_models = True

    def models_made_at(self, step: int) -> Sequence[str]:
        """The ids of the models that the run made at a step, as far as this process knows."""
        return self._made.get(step, ())

    def knows_model(self, model_id: str) -> bool:
        """Whether the run read or made the model, as far as this process knows."""
        return model_id in self._read_models or any(model_id in made for made in self._made.values())

    def has_read(self, dataset: Dataset) -> bool:
        """Whether the run read the data set, as far as this process knows."""
        return _identity(dataset) in self._read_datasets

    def flush(self, deadline_s: float | None = None) -> bool:
        """Waits until the server has what was logged; whether it has.

        Up to `deadline_s`, by default RUNNER_FLUSH_DEADLINE_S; a server that does not answer is tried once.
        Raises the ApiError of what the server refused.
        """
        return self._journal.flush(journals.deadline_s() if deadline_s is None else deadline_s)

    def wait(self) -> None:
        """Waits until the server has what was logged.

        Raises the ApiError of what the server refused; where it takes nothing, why, after some time.
        """
        journals.wait(self._client.transport)

    def before_end(self, call: Callable[[], None]) -> None:
        """Has `call` called once when the run is about to end. It must not raise."""
        self._before_end.append(call)

    def terminate(self, status: str, deadline_s: float | None = None) -> None:
        """Notes that the run has ended as `status`, and flushes.

        A run that somebody else meanwhile called FAILED or KILLED (whoever performed it) does not become
        FINISHED by being left.
        """
        while self._before_end:
            self._before_end.pop()()
        told = {"status": status, "end_time": checks.now_ms()}
        self._journal.append(entries.line(entries.END, self._run_id, told))
        self.flush(deadline_s)

    def _append(self, kind: bytes, items: Sequence[Param] | Sequence[RunTag]) -> None:
        if items:
            self._journal.append(b"".join(entries.line(kind, self._run_id, item.to_wire()) for item in items))

    def _is_new(self, item: Param) -> bool:
        known = self._params.get(item.key)
        if known is None:
            return True
        # A server keeps so much of a value and no more.
        if known[: limits.MAX_PARAM_VALUE_LENGTH] != item.value[: limits.MAX_PARAM_VALUE_LENGTH]:
            raise InvalidArgument(
                f"Changing param values is not allowed. Param with key='{item.key}' was already logged with "
                f"value='{known:.100}' for run ID='{self._run_id}'. Attempted logging new value "
                f"'{item.value:.100}'."
            )
        return False

    def __enter__(self) -> ActiveRun:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        status = status_after(error)
        if self._end is None:
            self.terminate(status)
        else:
            self._end(self, status, error is not None)

    def _shown_fields(self) -> Mapping[str, Any]:
        info = self.info
        return {
            "run_id": info.run_id,
            "run_name": info.run_name,
            "status": info.status,
            "experiment_id": info.experiment_id,
            "started": moment(info.start_time),
        }

    def _page(self) -> str:
        return run_page(self._run_id)

    def _server(self) -> str | None:
        return self._client.web_address


def _identity(dataset: Dataset) -> tuple[str, str]:
    return dataset.name, dataset.digest


def status_after(error: BaseException | None) -> str:
    """How a run ended whose program was left by `error`."""
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return RunStatus.FINISHED
    return RunStatus.KILLED if isinstance(error, KeyboardInterrupt) else RunStatus.FAILED


__all__ = ["ActiveRun", "status_after"]
