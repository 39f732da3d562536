"""Goes on with a sweep from its folder alone: the journal, and the sources as they stood."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from runner.errors import RequestError
from runner.model.run import RunRequest, RunSpec
from runner.model.source import Checkout
from runner.prepare import Wishes, order_trials
from runner.stop import Stop
from runner.sweeping.again import KeptSweep
from runner.sweeping.conduct import resume
from runner.sweeping.conductor import Conductor, SweepOutcome
from runner.sweeping.order import provenance_of


def resume_sweep(
    kept: KeptSweep, wishes: Wishes, conductor: Conductor, *, stop: Stop, extend_to: int | None = None
) -> SweepOutcome:
    """Goes on with the sweep, with more trials where `extend_to` says so.

    Raises RequestError where its sources are gone, where it is tracked elsewhere than `wishes` says, and as
    `resume` does.
    """
    if kept.began.tracking_uri != conductor.recorder.target_uri:
        raise RequestError(
            f"sweep {kept.folder.run_id} is tracked at {kept.began.tracking_uri}, "
            f"not at {conductor.recorder.target_uri}",
            hint="set MLFLOW_TRACKING_URI to where it is tracked",
        )
    trial = _trial(kept, wishes)
    return resume(kept.folder, trial, conductor, stop=stop, extend_to=extend_to)


def _trial(kept: KeptSweep, wishes: Wishes) -> RunSpec:
    order = kept.began.order
    source = kept.folder.source
    directory = source / str(order["directory"])
    if not directory.is_dir():
        raise RequestError(
            f"the sources of sweep {kept.folder.run_id} are gone from {directory}",
            hint="begin the sweep anew",
        )
    checkout = Checkout(
        directory=directory, provenance=provenance_of(order["provenance"]), shared_root=source
    )
    request = RunRequest(
        uri=str(directory),
        entry_point=kept.ledger.sweep.entry_point,
        experiment_id=kept.began.experiment_id,
        parent_run_id=kept.folder.run_id,
        env_manager=order["env_manager"],
        docker_args=order["docker_args"],
        storage_dir=Path(order["storage_dir"]) if order["storage_dir"] else None,
        backend=order["backend"],
    )
    trial = order_trials(
        kept.ledger.sweep, checkout, request, wishes, base=Path(order["base"]), within=order["within"]
    )
    return replace(trial, project_name=order["project_name"])
