"""Takes the result of a run that has finished already for a trial that would do the same again."""

from __future__ import annotations

from runner.events import Listener, Warned
from runner.model.run import RunSpec, RunStatus
from runner.model.trial import TrialResult
from runner.recording.record import IDENTITY_TAG, identity
from runner.sweeping.ledger import Ledger
from runner.sweeping.objectives import objective_values, valid
from tracking_client.client import TrackingClient
from tracking_client.errors import TrackingError
from tracking_client.wire.entities import Run


class Reusing:
    """Finds runs of an experiment that are like a trial: same code, environment, entry point and parameters.

    Used by one thread.
    """

    def __init__(self, client: TrackingClient, experiment_id: str, listener: Listener) -> None:
        self._client = client
        self._experiment_id = experiment_id
        self._listener = listener
        self._has_warned = False

    def result_for(self, spec: RunSpec, ledger: Ledger) -> TrialResult | None:
        """The result of the earliest run like `spec` that has all objectives and is no trial of this sweep.

        Each run counts for one trial, so that repeats are evaluations of their own. None where there is none,
        where nobody can tell (sources without a commit), and where the server does not answer.
        """
        wanted = identity(spec)
        if wanted is None:
            self._warn("no finished run is reused: the sources have no commit, or not all is recorded")
            return None
        taken = {run_id for trial in ledger.trials.values() for run_id in trial.run_ids}
        filter_string = f"tags.`{IDENTITY_TAG}` = '{wanted}' and attributes.status = 'FINISHED'"
        try:
            found = list(
                self._client.find_runs([self._experiment_id], filter_string, order_by=["start_time ASC"])
            )
            for run in found:
                if run.info.run_id not in taken:
                    result = self._result(run, ledger)
                    if result is not None:
                        return result
        except TrackingError as error:
            self._warn(f"finished runs could not be looked for: {error}")
        return None

    def _result(self, run: Run, ledger: Ledger) -> TrialResult | None:
        latest = dict(run.data.metrics)

        def history(metric: str) -> list[float]:
            return [point.value for point in self._client.get_metric_history(run.info.run_id, metric)]

        values = valid(objective_values(latest, ledger.sweep.objectives, history))
        if values is None:
            return None
        return TrialResult(
            run_id=run.info.run_id,
            status=RunStatus.FINISHED,
            values=values,
            reused=True,
            reason="it had been run before",
            exit_code=0,
            metrics=latest,
        )

    def _warn(self, message: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            self._listener(Warned(message=message))
