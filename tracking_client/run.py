"""`ActiveRun`: a run that this process is writing to, and the one place where its writes leave from."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, SupportsFloat, final

from tracking_client import checks
from tracking_client.client import TrackingClient
from tracking_client.wire.entities import Metric, Param, Run, RunData, RunInfo, RunInputs, RunStatus, RunTag


@final
class ActiveRun:
    """A run to log to, usable as `with start_run() as run:`.

    `info`, `data` and `inputs` are as they were when the run was started, like on MLflow's. Leaving the
    block ends the run: FINISHED; KILLED by KeyboardInterrupt; FAILED by any other exception but exit(0).
    Safe in threads; a forked child may log to it, and only its maker ends it at exit.
    """

    def __init__(
        self, run: Run, client: TrackingClient, end: Callable[[ActiveRun, str, bool], None] | None = None
    ) -> None:
        self._run = run
        self._client = client
        self._end = end
        self.owner_pid = os.getpid()

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
    def client(self) -> TrackingClient:
        """The client of the server that the run is on, whatever URI is in force by now."""
        return self._client

    def to_dictionary(self) -> dict[str, Any]:
        """Info and data as plain dicts."""
        return self._run.to_dictionary()

    def log_metrics(
        self, metrics: Mapping[str, SupportsFloat], step: int | None = None, timestamp: int | None = None
    ) -> None:
        """Logs values at one step. Raises InvalidArgument, ApiError, TransportError."""
        at_ms = checks.now_ms() if timestamp is None else timestamp
        self.write(metrics=[checks.metric(key, value, at_ms, step) for key, value in metrics.items()])

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Logs parameters. Raises InvalidArgument where one has another value already, and as above."""
        self.write(params=checks.params(params))

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Sets tags. Raises as above."""
        self.write(tags=checks.tags(tags))

    def write(
        self,
        *,
        metrics: Sequence[Metric] = (),
        params: Sequence[Param] = (),
        tags: Sequence[RunTag] = (),
    ) -> None:
        """Every value that is logged to this run passes here; it returns when the server has them."""
        self._client.log_batch(self.info.run_id, metrics=metrics, params=params, tags=tags)

    def terminate(self, status: str) -> None:
        """Tells the server that the run has ended as `status`.

        A run that somebody else meanwhile called FAILED or KILLED (whoever performed it) does not become
        FINISHED by being left.
        """
        if status == RunStatus.FINISHED:
            known = self._client.get_run(self.info.run_id).info.status
            if known in (RunStatus.FAILED, RunStatus.KILLED):
                return
        self._client.set_terminated(self.info.run_id, status)

    def apart(self, deadline_s: float) -> ActiveRun:
        """The same run over connections of its own, for one last word within `deadline_s`."""
        return ActiveRun(self._run, self._client.apart(deadline_s))

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

    def __repr__(self) -> str:
        return f"<ActiveRun {self.info.run_id} ({self.info.run_name})>"


def status_after(error: BaseException | None) -> str:
    """How a run ended whose program was left by `error`."""
    if error is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return RunStatus.FINISHED
    return RunStatus.KILLED if isinstance(error, KeyboardInterrupt) else RunStatus.FAILED


__all__ = ["ActiveRun", "status_after"]
