"""The contract between a parent process and its children: environment variables.

A launcher writes a `RunContext` into the environment of the program it starts; whatever tracks in that
program, MLflow's own client included, reads it and logs to the same run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

TRACKING_URI = "MLFLOW_TRACKING_URI"
RUN_ID = "MLFLOW_RUN_ID"
EXPERIMENT_ID = "MLFLOW_EXPERIMENT_ID"
EXPERIMENT_NAME = "MLFLOW_EXPERIMENT_NAME"
TOKEN = "MLFLOW_TRACKING_TOKEN"  # noqa: S105  # the variable's name, not a secret
LAUNCHED_RUN_ID = "RUNNER_RUN_ID"
STORE_URI = "RUNNER_STORE_URI"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """Where to log, and as what. Each field is None where its variable is unset or empty.

    `run_id` is the run that the first `start_run()` of a process resumes. `launched_run_id` is the same
    run, but stays for all descendants: it is the parent of what they start. `store_uri` is the local store
    whose server `tracking_uri` is: an address changes with every start of that server, a store stays.
    """

    tracking_uri: str | None = None
    run_id: str | None = None
    experiment_id: str | None = None
    token: str | None = None
    launched_run_id: str | None = None
    store_uri: str | None = None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> RunContext:
        """What the parent process wrote for us, if it wrote anything."""
        return cls(
            tracking_uri=environ.get(TRACKING_URI) or None,
            run_id=environ.get(RUN_ID) or None,
            experiment_id=environ.get(EXPERIMENT_ID) or None,
            token=environ.get(TOKEN) or None,
            launched_run_id=environ.get(LAUNCHED_RUN_ID) or environ.get(RUN_ID) or None,
            store_uri=environ.get(STORE_URI) or None,
        )

    def apply(self, environ: Mapping[str, str]) -> dict[str, str]:
        """`environ` for a program launched as this run: every variable of the contract set or removed.

        The experiment's name is removed, since real clients refuse a name beside an id.
        """
        result = {name: value for name, value in environ.items() if name != EXPERIMENT_NAME}
        values = {
            TRACKING_URI: self.tracking_uri,
            RUN_ID: self.run_id,
            EXPERIMENT_ID: self.experiment_id,
            TOKEN: self.token,
            LAUNCHED_RUN_ID: self.launched_run_id or self.run_id,
            STORE_URI: self.store_uri,
        }
        for name, value in values.items():
            if value is None:
                result.pop(name, None)
            else:
                result[name] = value
        return result
