"""What the tracking server will not take, said before anything is started."""

from __future__ import annotations

from runner.errors import InvalidParameter, ManifestError, RequestError
from runner.model.run import RunSpec
from runner.model.sweep import Sweep
from tracking_client.client import TrackingClient
from tracking_client.errors import InvalidArgument
from tracking_client.wire import limits


def tracking_problem(uri: str) -> str | None:
    """Why nothing can be tracked to `uri` with this environment's variables; holds no credentials."""
    try:
        TrackingClient(uri)
    except InvalidArgument as error:
        return str(error)
    return None


def check_metrics(sweep: Sweep) -> None:
    """Raises ManifestError where a metric that the sweep looks at can be logged by nobody."""
    watched = [sweep.early_stop.metric] if sweep.early_stop is not None and sweep.early_stop.metric else []
    compared = [*(o.metric for o in sweep.objectives), *(c.metric for c in sweep.constraints)]
    for name in (*compared, *watched):
        problem = limits.key_problem(name, "metric")
        if problem is not None:
            raise ManifestError(
                f"sweep {sweep.name!r}: {problem}",
                path=sweep.path,
                line=sweep.line,
                key=f"sweeps.{sweep.name}",
            )


def check_recordable(spec: RunSpec) -> None:
    """Raises RequestError where a name or id of the order is against the wire's rules."""
    for name, value in spec.params.items():
        problem = limits.key_problem(name, "parameter")
        if problem is not None:
            raise InvalidParameter(problem, name=name, value=value, kind="string")
    if spec.run_id and (problem := limits.run_id_problem(spec.run_id)):
        raise RequestError(problem, hint="give the id of a run, as `runner ui` shows it")
    name_length = len(spec.experiment_name or "")
    if name_length > limits.MAX_EXPERIMENT_NAME_LENGTH:
        raise RequestError(
            f"the experiment's name has {name_length} characters, "
            f"more than {limits.MAX_EXPERIMENT_NAME_LENGTH}"
        )
