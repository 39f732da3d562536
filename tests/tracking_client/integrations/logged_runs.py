"""What is in the runs of an experiment, in a form in which two of them can be compared place by place."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tracking_client.client import TrackingClient
from tracking_client.wire import names
from tracking_client.wire.entities import Run

Place = tuple[int, str, str]

# Of whoever runs the program, and when.
_OWN_TAGS = {
    names.USER,
    names.SOURCE_NAME,
    names.SOURCE_TYPE,
    names.GIT_COMMIT,
    names.GIT_BRANCH,
    names.GIT_REPO_URL,
    names.RUN_NAME,
}
_MEASURED_TIMES = ("fit_time", "score_time")


def played(session: str, who: str, prefix: str, repository: Path, **environ: str) -> None:
    """Plays a session in a process of its own, since libraries stay patched."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.tracking_client.integrations.{session}", who, prefix],
        cwd=repository,
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def logged(client: TrackingClient, experiment: str) -> dict[Place, Any]:
    """Everything in an experiment: by the run's number, the kind and the name of what was logged."""
    found = client.get_experiment_by_name(experiment)
    assert found is not None, experiment
    runs = sorted(client.find_runs([found.experiment_id]), key=_order)
    places: dict[Place, Any] = {}
    for number, run in enumerate(runs):
        places |= {(number, kind, name): value for (kind, name), value in _content(client, run).items()}
    return places


def _order(run: Run) -> Any:
    return (
        names.PARENT_RUN_ID in run.data.tags,
        json.dumps(run.data.params.get("C")),
        json.dumps(run.data.params),
    )


def _content(client: TrackingClient, run: Run) -> dict[tuple[str, str], Any]:
    run_id, data = run.info.run_id, run.data
    content: dict[tuple[str, str], Any] = {("run", "status"): run.info.status}
    content |= {("param", name): value for name, value in data.params.items()}
    content |= {
        ("tag", name): "(a run)" if name == names.PARENT_RUN_ID else value
        for name, value in data.tags.items()
        if name not in _OWN_TAGS
    }
    for name in data.metrics:
        history = [(point.step, round(point.value, 6)) for point in client.get_metric_history(run_id, name)]
        content["metric", name] = "(a time)" if name.endswith(_MEASURED_TIMES) else history
    for item in run.inputs.dataset_inputs:
        told, tags = item.dataset, {tag.key: tag.value for tag in item.tags}
        content["data", f"{told.digest} {tags}"] = [told.name, told.source_type, told.schema, told.profile]
    content |= {("file", path): "there" for path in _files(client, run_id)}
    if ("file", "metric_info.json") in content:
        content["file", "metric_info.json"] = Path(
            client.download_artifacts(run_id, "metric_info.json")
        ).read_text()
    return content


def _files(client: TrackingClient, run_id: str) -> list[str]:
    return [item.path for item in client.list_artifacts(run_id)]


def differing(theirs: dict[Place, Any], ours: dict[Place, Any]) -> dict[Place, tuple[Any, Any]]:
    """Where the two differ: what each has there, None for nothing.

    Of a metric whose values are the same, as far as both have any, it is the steps.
    """
    places = sorted({*theirs, *ours})
    return {
        place: _as_steps(place, theirs.get(place), ours.get(place))
        for place in places
        if theirs.get(place) != ours.get(place)
    }


def _as_steps(place: Place, theirs: Any, ours: Any) -> tuple[Any, Any]:
    if place[1] != "metric" or theirs is None or ours is None:
        return theirs, ours
    pairs = zip(theirs, ours, strict=False)
    if any(their_value != our_value for (_, their_value), (_, our_value) in pairs):
        return theirs, ours
    return [step for step, _ in theirs], [step for step, _ in ours]
