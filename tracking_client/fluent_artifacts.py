"""MLflow's fluent functions for the artifacts of the run at hand, or of the run `run_id`.

What is logged is stored when they return; where no server is reached, or one that has trouble, it is kept on
this machine and sent later. All raise OSError for local files, InvalidArgument for values against the rules,
ArtifactError where the run's artifacts cannot be reached from here, ApiError for what the server refuses, and
TransportError.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from tracking_client import active_experiment, checks
from tracking_client.mlflow_client import MlflowClient
from tracking_client.run import ActiveRun
from tracking_client.starting import at_hand, attached

if TYPE_CHECKING:
    import pandas as pd
    from _typeshed import SupportsRead


def log_artifact(
    local_path: str | PathLike[str], artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Stores a file, or a directory under its name, in the artifact directory `artifact_path`."""
    run = _target(run_id)
    run.client.log_artifact(run.info.run_id, local_path, artifact_path)


def log_artifacts(
    local_dir: str | PathLike[str], artifact_path: str | None = None, run_id: str | None = None
) -> None:
    """Stores everything below a directory in the artifact directory `artifact_path`."""
    run = _target(run_id)
    run.client.log_artifacts(run.info.run_id, local_dir, artifact_path)


def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """Stores a text as the artifact `artifact_file`."""
    run = _target(run_id)
    run.client.log_text(run.info.run_id, text, artifact_file)


def log_dict(dictionary: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Stores a value as JSON, or as YAML where the name ends in .yaml or .yml."""
    run = _target(run_id)
    run.client.log_dict(run.info.run_id, dictionary, artifact_file)


def log_stream(
    stream: SupportsRead[bytes] | SupportsRead[str], artifact_file: str, run_id: str | None = None
) -> None:
    """Stores what a stream of bytes or text has from here on, as the artifact `artifact_file`."""
    run = _target(run_id)
    run.client.log_stream(run.info.run_id, stream, artifact_file)


def log_figure(figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None) -> None:
    """Stores a Matplotlib figure in the format of the name's suffix, or a Plotly figure as .html or image."""
    run = at_hand()
    run.client.log_figure(run.info.run_id, figure, artifact_file, save_kwargs=save_kwargs)


def log_image(
    image: Any,
    artifact_file: str | None = None,
    key: str | None = None,
    step: int | None = None,
    timestamp: int | None = None,
    synchronous: bool | None = False,
) -> None:
    """Stores a picture: as `artifact_file`, or as the one at `step` (0) and `timestamp` of the series `key`.

    `image` is a NumPy array, Pillow's image or an `Image`; `timestamp` is in ms since the epoch (now).
    """
    run = at_hand()
    run.client.log_image(run.info.run_id, image, artifact_file, key, step, timestamp, synchronous)


def log_table(data: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Stores a dict of columns or a pandas data frame as a table, below the rows that are there already."""
    run = _target(run_id)
    run.client.log_table(run.info.run_id, data, artifact_file)


def load_table(
    artifact_file: str, run_ids: Sequence[str] | None = None, extra_columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """The rows of a table that several runs logged, by default all runs of the experiment new runs go to.

    `extra_columns` are columns of `search_runs` for the run that each row is from. Raises InvalidArgument
    where no run logged it.
    """
    client = MlflowClient()
    experiment_id = active_experiment.chosen_id(client) or active_experiment.DEFAULT_EXPERIMENT_ID
    return client.load_table(experiment_id, artifact_file, run_ids, extra_columns)


def get_artifact_uri(artifact_path: str | None = None) -> str:
    """The URI of an artifact of the run at hand, or of its artifact root."""
    root = at_hand().info.artifact_uri or ""
    path = checks.artifact_path(artifact_path)
    return f"{root.rstrip('/')}/{path}" if path else root


def _target(run_id: str | None) -> ActiveRun:
    return at_hand() if run_id is None else attached(run_id)


__all__ = [
    "get_artifact_uri",
    "load_table",
    "log_artifact",
    "log_artifacts",
    "log_dict",
    "log_figure",
    "log_image",
    "log_stream",
    "log_table",
    "log_text",
]
