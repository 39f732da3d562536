"""Tag names with a meaning: MLflow's, and those of this project (`runner.*`)."""

from __future__ import annotations

RUN_NAME = "mlflow.runName"
PARENT_RUN_ID = "mlflow.parentRunId"
USER = "mlflow.user"
NOTE = "mlflow.note.content"
SOURCE_NAME = "mlflow.source.name"
SOURCE_TYPE = "mlflow.source.type"
GIT_COMMIT = "mlflow.source.git.commit"
GIT_BRANCH = "mlflow.source.git.branch"
GIT_REPO_URL = "mlflow.source.git.repoURL"
GIT_DIRTY = "mlflow.source.git.dirty"
PROJECT_ENTRY_POINT = "mlflow.project.entryPoint"
PROJECT_ENV = "mlflow.project.env"
PROJECT_BACKEND = "mlflow.project.backend"
DOCKER_IMAGE_URI = "mlflow.docker.image.uri"
LOGGED_ARTIFACTS = "mlflow.loggedArtifacts"
"""Tag of a run: the tables among its artifacts, a JSON list of {"path", "type": "table"}."""
LOGGED_IMAGES = "mlflow.loggedImages"
"""Tag of a run that logged pictures of a series."""
DATASET_CONTEXT = "mlflow.data.context"
"""Tag of a data set's use: what for, such as "training"."""
IS_PROMPT = "mlflow.prompt.is_prompt"
"""Tag of what MLflow keeps in the model registry without being a model."""
MODEL_VERSIONS = "mlflow.modelVersions"
"""Tag of a logged model: the versions it was registered as, a JSON list of {"name", "version"}."""
MODEL_IS_EXTERNAL = "mlflow.model.isExternal"
"""Tag of a logged model whose files are somewhere else."""

HEARTBEAT = "runner.heartbeat"
"""Changes every few seconds while somebody looks after the run. A server that sees a RUNNING run's
heartbeat stand still for `HEARTBEAT_LOST_S` closes the run as KILLED."""
HEARTBEAT_INTERVAL_S = 10.0
HEARTBEAT_LOST_S = 45.0

END_REASON = "runner.end.reason"
EXIT_CODE = "runner.exit_code"

REPLAYED_AS = "runner.replayed"
"""Begins the tag of an offline run that says what it became on a server."""
REPLAYED_FROM = "runner.replayed_from"
"""On a server, for a moment: the id that the run had offline."""
