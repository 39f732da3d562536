"""The fluent functions of the registry, of logged models and of inputs, of whichever module it is given.

In a test that is ours; `python -m tests.tracking_client.fluent_registry_session NAME` makes the very same
calls with `import mlflow`, in a process of its own, and prints what that returned.
"""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

import numpy as np
import pandas as pd


def play(mlflow: Any, entities: Any, name: str) -> dict[str, Any]:
    """Makes all calls; returns what came back, and which ids are whose."""
    experiment_id = mlflow.set_experiment(f"{name}-x").experiment_id
    seen: list[Any] = [mlflow.last_logged_model()]
    seen.append(mlflow.search_logged_models(output_format="list"))
    seen.append(len(mlflow.search_logged_models()))
    apart = mlflow.initialize_logged_model("apart", tags={"a": 1}, params={"p": 2}, model_type="agent")
    seen.append(str(mlflow.finalize_logged_model(apart.model_id, "READY").status))
    external = mlflow.create_external_model(name="external", params={"where": "else"})
    seen += [str(external.status), external.source_run_id]
    with mlflow.start_run(run_name="maker") as run:
        run_id = run.info.run_id
        made = mlflow.initialize_logged_model(name="made")
        ids = {run_id: "RUN", made.model_id: "MADE", apart.model_id: "APART", external.model_id: "EXTERNAL"}
        ids |= {name: "NAME"}
        seen += [made.source_run_id, mlflow.last_logged_model().name]
        mlflow.set_logged_model_tags(made.model_id, {"k": 1, "gone": 2})
        mlflow.delete_logged_model_tag(made.model_id, "gone")
        mlflow.log_model_params({"q": "r"}, made.model_id)
        mlflow.log_outputs([entities.LoggedModelOutput(made.model_id, 3)])
        frame = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
        read = mlflow.data.from_pandas(frame, source="/data/a.csv", name="frame", targets="b")
        numbers = mlflow.data.from_numpy(np.ones((2, 3)), source="s3://bucket/a", name="numbers")
        mlflow.log_input(read, context="training", tags={"z": "1"})
        mlflow.log_input(model=entities.LoggedModelInput(apart.model_id))
        mlflow.log_inputs([read, numbers], ["again", None], [{"x": "y"}, None])
        mlflow.finalize_logged_model(made.model_id, entities.LoggedModelStatus.READY)
        mlflow.log_text("a: 1", "classic/MLmodel")
    versions = [
        mlflow.register_model(made.model_uri, name, tags={"t": 1}),
        mlflow.register_model(f"runs:/{run_id}/made", name),
        mlflow.register_model(f"runs:/{run_id}/classic", name, await_registration_for=0),
        mlflow.register_model("s3://bucket/model", name),
        mlflow.register_model(f"models:/{name}/1", f"{name}-b"),
    ]
    seen.append([(each.name, each.version, each.source, each.run_id, each.tags) for each in versions])
    mlflow.set_model_version_tag(name, "1", "k", 1)
    refused: list[Any] = []
    for uri in ("runs:/", f"runs:/{run_id}/nothing", f"models:/{name}@nobody"):
        try:
            mlflow.register_model(uri, name)
        except Exception:  # noqa: BLE001  # each client has its own
            refused.append(uri)
    seen.append(refused)
    seen.append([each.name for each in mlflow.search_registered_models(filter_string=f"name LIKE '{name}%'")])
    seen.append(len(mlflow.search_registered_models(max_results=1)))
    found = mlflow.search_model_versions(filter_string=f"name = '{name}'", order_by=["version_number DESC"])
    seen.append([each.version for each in found])
    order = [{"field_name": "name", "ascending": True}]
    listed = mlflow.search_logged_models([experiment_id], order_by=order, output_format="list")
    seen.append([(each.name, each.params) for each in listed])
    seen.append([each.name for each in mlflow.search_logged_models(max_results=1, output_format="list")])
    table = mlflow.search_logged_models([experiment_id], order_by=order)
    seen.append([list(table.columns), list(table["name"]), list(table["status"])])
    return {"seen": seen, "ids": ids, "experiment_id": experiment_id, "run_id": run_id}


def main() -> None:
    """Plays the session with MLflow."""
    warnings.simplefilter("ignore")
    import mlflow
    import mlflow.entities

    print(json.dumps(play(mlflow, mlflow.entities, sys.argv[1])))


if __name__ == "__main__":
    main()
