"""MLflow's side of models on a server, in a process of its own: it loads what we logged, and logs some itself.

`python -m tests.tracking_client.models.mlflow_session <server> <directory>` reads {"load": {kind: [URI, …]}} from
its standard input, and prints {"predicted": …, "logged": …} as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.tracking_client.models import samples
from tests.tracking_client.models.mlflow_quietly import mlflow, quiet

PINS = {"pip_requirements": ["numpy"]}
ARRAY = samples.TABLE.to_numpy().astype("float32")


def predicted(uri: str, kind: str) -> Any:
    """What MLflow's `pyfunc` predicts with the model."""
    return mlflow.pyfunc.load_model(uri).predict(data_for(kind)).tolist()


def data_for(kind: str) -> Any:
    """What a model of the kind takes."""
    return ARRAY if kind == "keras" else samples.TABLE


def logged(library: Any, directory: Path, **options: Any) -> dict[str, Any]:
    """What `log_model` tells of a model of each kind, logged by a library within one run."""
    factor = str(samples.factor_file(directory))
    python_model = samples.scaled(library.pyfunc.PythonModel)
    example = {"input_example": samples.TABLE}
    return {
        "sklearn": library.sklearn.log_model(samples.fitted(), name="line", **example, **options),
        "class": library.pyfunc.log_model(
            name="scaled", python_model=python_model, artifacts={"factor": factor}, **example, **options
        ),
        "function": library.pyfunc.log_model(
            name="oldest", python_model=samples.oldest(), **example, **options
        ),
    }


def main(url: str, directory: str) -> None:
    """Answers one request."""
    asked = json.loads(sys.stdin.read())
    with quiet():
        mlflow.set_tracking_uri(url)
        found = {kind: [predicted(uri, kind) for uri in uris] for kind, uris in asked["load"].items()}
        with mlflow.start_run() as run:
            made = logged(mlflow, Path(directory), **PINS)
    uris = {kind: [info.model_uri, f"runs:/{run.info.run_id}/{info.name}"] for kind, info in made.items()}
    print(json.dumps({"predicted": found, "logged": uris}))


if __name__ == "__main__":
    main(*sys.argv[1:])
