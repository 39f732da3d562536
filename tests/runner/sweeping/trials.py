"""Tracked runs as a sweep's trials leave them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from runner.sweeping.names import ATTEMPT_TAG, TRIAL_TAG
from tracking_client.client import TrackingClient
from tracking_client.wire.entities import Metric
from tracking_client.wire.names import PARENT_RUN_ID


@dataclass
class Trials:
    """The runs of a sweep whose objective is `loss`."""

    client: TrackingClient
    experiment_id: str
    parent_run_id: str
    run_ids: dict[int, str] = field(default_factory=dict)

    @classmethod
    def new(cls, client: TrackingClient) -> Trials:
        experiment_id = client.create_experiment("sweep")
        return cls(client, experiment_id, client.create_run(experiment_id).info.run_id)

    def begin(self, number: int, *, attempt: int = 0) -> str:
        tags = {PARENT_RUN_ID: self.parent_run_id, TRIAL_TAG: str(number), ATTEMPT_TAG: str(attempt)}
        self.run_ids[number] = self.client.create_run(self.experiment_id, tags=tags).info.run_id
        return self.run_ids[number]

    def log(self, number: int, values: Iterable[float], *, first_step: int = 1, key: str = "loss") -> None:
        points = [
            Metric(key, value, timestamp=1000 + step, step=step)
            for step, value in enumerate(values, start=first_step)
        ]
        self.client.log_batch(self.run_ids[number], metrics=points)

    def end(self, number: int, status: str = "FINISHED") -> str:
        self.client.set_terminated(self.run_ids[number], status)
        return self.run_ids[number]
