"""`MlflowClient`: the client by MLflow's name, for programs that log. What it is told goes to the journal.

Writes return when they are safe on this machine, and are shipped meanwhile (see `tracking_client.journal`);
reads first wait for what this process wrote. `TrackingClient` is the same without the journal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tracking_client import checks
from tracking_client.active_model import get_active_model_id
from tracking_client.journal import entries, journals
from tracking_client.kept_artifacts import KeptArtifactCalls
from tracking_client.runs import RUNS_PER_PAGE, checked_status
from tracking_client.wire.entities import (
    Metric,
    PagedList,
    Param,
    Run,
    RunInfo,
    RunStatus,
    RunTag,
    ViewType,
)

if TYPE_CHECKING:
    from tracking_client.wire.entities import DatasetInput, LoggedModelInput, LoggedModelOutput


class MlflowClient(KeptArtifactCalls):
    """The calls of one tracking server. Safe in threads and across fork.

    What a server refuses of what was written is raised by the next call that waits for it: a read of a run,
    `flush`, or a write with `synchronous=True`.
    """

    def flush(self) -> bool:
        """Waits until the server has what this process wrote; whether it has. Raises ApiError, see above."""
        return journals.flush(self.transport)

    def log_batch(
        self,
        run_id: str,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
        synchronous: bool | None = None,
    ) -> None:
        """Logs any number of values. With `synchronous` it returns when the server has them.

        Metrics without a `model_id` are the active model's, where there is one.
        """
        checks.run_id(run_id)
        checks.distinct_params(params)
        told = [
            *(_line(entries.PARAM, run_id, checks.param(item.key, item.value)) for item in params),
            *(_line(entries.TAG, run_id, checks.tag(item.key, item.value)) for item in tags),
        ]
        active_id = get_active_model_id()
        measured = [_line(entries.METRIC, run_id, _of_model(item, active_id)) for item in metrics]
        if told:
            self._tell(b"".join(told))
        if measured:
            journals.of(self.transport).append_metric(b"".join(measured))
        if synchronous:
            journals.wait(self.transport)

    def delete_tag(self, run_id: str, key: str) -> None:
        """Removes one tag."""
        self._tell(entries.line(entries.UNTAG, checks.run_id(run_id), {"key": str(key)}))

    def update_run(
        self, run_id: str, status: str | None = None, name: str | None = None, *, end_time: int | None = None
    ) -> RunInfo:
        """Changes state, name or end of a run, after what was written before."""
        self.flush()
        return super().update_run(run_id, status, name, end_time=end_time)

    def set_terminated(self, run_id: str, status: str | None = None, end_time: int | None = None) -> None:
        """Ends a run, FINISHED and now by default; `end_time` is in ms since the epoch."""
        told = {
            "status": checked_status(status or RunStatus.FINISHED),
            "end_time": checks.now_ms() if end_time is None else end_time,
        }
        self._tell(entries.line(entries.UPDATE, checks.run_id(run_id), told))
        self.flush()

    def log_inputs(
        self,
        run_id: str,
        datasets: Sequence[DatasetInput] | None = None,
        models: Sequence[LoggedModelInput] | None = None,
    ) -> None:
        """Records the data sets and the logged models that a run used."""
        self._tell(entries.inputs_line(checks.run_id(run_id), datasets or (), models or ()))

    def log_outputs(self, run_id: str, models: Sequence[LoggedModelOutput]) -> None:
        """Records the logged models that a run made, each at a step of it."""
        self._tell(entries.outputs_line(checks.run_id(run_id), models))

    def get_run(self, run_id: str) -> Run:
        """The run as it is now, with what this process wrote. Raises NotFound."""
        self.flush()
        return super().get_run(run_id)

    def get_metric_history(self, run_id: str, key: str) -> list[Metric]:
        """Every value of a metric, in the order of timestamp and step."""
        self.flush()
        return super().get_metric_history(run_id, key)

    def search_runs(
        self,
        experiment_ids: Sequence[str],
        filter_string: str = "",
        run_view_type: int = ViewType.ACTIVE_ONLY,
        max_results: int = RUNS_PER_PAGE,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> PagedList[Run]:
        """One page of the runs that match; `.token` fetches the next."""
        self.flush()
        return super().search_runs(
            experiment_ids, filter_string, run_view_type, max_results, order_by, page_token
        )

    def delete_run(self, run_id: str) -> None:
        """Puts the run into the bin, after what was written before."""
        self.flush()
        super().delete_run(run_id)

    def _tell(self, lines: bytes) -> None:
        journals.of(self.transport).append(lines)


def _of_model(metric: Metric, active_id: str | None) -> Metric:
    sound = checks.checked_metric(metric)
    return sound if sound.model_id or active_id is None else replace(sound, model_id=active_id)


def _line(kind: bytes, run_id: str, item: Metric | Param | RunTag) -> bytes:
    return entries.line(kind, run_id, item.to_wire())


__all__ = ["MlflowClient"]
