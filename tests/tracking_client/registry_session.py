"""The calls of the model registry and of logged models, made by whichever client it is given.

In a test that is ours; `python -m tests.tracking_client.registry_session URL NAME` makes the very same calls
with MLflow's own client, in a process of its own, and prints what that returned.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from typing import Any

_VERSION = [
    "name",
    "version",
    "description",
    "user_id",
    "current_stage",
    "source",
    "run_id",
    "status",
    "tags",
    "run_link",
    "aliases",
    "model_id",
]
_MODEL = [
    "experiment_id",
    "model_id",
    "name",
    "artifact_location",
    "model_type",
    "source_run_id",
    "status",
    "tags",
    "params",
]


class Session:
    """One sitting of a client, whose answers and refusals are written down in order."""

    def __init__(self, client: Any, entities: Any, name: str) -> None:
        self.client = client
        self.entities = entities
        self.name = name
        self.seen: list[Any] = []
        self.ids: dict[str, str] = {name: "NAME"}

    def play(self) -> dict[str, Any]:
        """Makes all calls; returns what came back, and which ids are whose."""
        experiment_id = self.client.create_experiment(f"{self.name}-x")
        run_id = self.client.create_run(experiment_id, run_name="maker").info.run_id
        self.ids |= {run_id: "RUN"}
        model_id = self._logged_models(experiment_id, run_id)
        self._registry(run_id, model_id)
        self._versions()
        self._searches()
        self._ends()
        return {"seen": self.seen, "ids": self.ids, "experiment_id": experiment_id, "run_id": run_id}

    def _see(self, value: Any) -> None:
        self.seen.append(_plain(value))

    def _refused(self, call: Callable[[], Any]) -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001  # each client has its own
            self.seen.append(["refused", getattr(error, "error_code", type(error).__name__)])
        else:
            self.seen.append("not refused")

    def _logged_models(self, experiment_id: str, run_id: str) -> str:
        client, entities = self.client, self.entities
        made = client.create_logged_model(
            experiment_id, name="first", source_run_id=run_id, tags={"a": 1, "b/c": "x"}, params={"p": 0.5}
        )
        model_id = str(made.model_id)
        self.ids |= {model_id: "MODEL"}
        self._see(made)
        failed = client.create_logged_model(experiment_id, name="second", model_type="agent")
        self.ids |= {failed.model_id: "FAILED"}
        self._see(client.finalize_logged_model(failed.model_id, "FAILED"))
        self._see(client.finalize_logged_model(model_id, entities.LoggedModelStatus.READY))
        client.set_logged_model_tags(model_id, {"k": 3, "gone": "soon"})
        client.delete_logged_model_tag(model_id, "gone")
        client.log_model_params(model_id, {"later": "value"})
        client.log_batch(run_id, metrics=[entities.Metric("acc", 0.25, 1000, 2, model_id=model_id)])
        client.log_outputs(run_id, [entities.LoggedModelOutput(model_id, 7)])
        used = entities.DatasetInput(
            entities.Dataset("wine", "abc", "local", "{}", '{"mlflow_colspec": []}', "{}"),
            [entities.InputTag("mlflow.data.context", "training")],
        )
        client.log_inputs(run_id, datasets=[used])
        client.log_inputs(run_id, models=[entities.LoggedModelInput(failed.model_id)])
        self._see(client.get_logged_model(model_id))
        self._see([(item.key, item.value, item.step) for item in client.get_logged_model(model_id).metrics])
        run = client.get_run(run_id)
        self._see([(item.model_id, item.step) for item in run.outputs.model_outputs])
        self._see([item.model_id for item in run.inputs.model_inputs])
        self._see([item.dataset.name for item in run.inputs.dataset_inputs])
        self._refused(lambda: client.get_logged_model("m-" + "0" * 32))
        self._refused(lambda: client.get_logged_model(""))
        self._refused(lambda: client.create_logged_model(experiment_id, name="a/b"))
        self._refused(lambda: client.delete_logged_model_tag(model_id, "gone"))
        by_name = [{"field_name": "name", "ascending": False}]
        self._see([item.name for item in client.search_logged_models([experiment_id], order_by=by_name)])
        page = client.search_logged_models([experiment_id], max_results=1, order_by=by_name)
        rest = client.search_logged_models(
            [experiment_id], max_results=1, order_by=by_name, page_token=page.token
        )
        self._see([page[0].name, bool(page.token), rest[0].name, bool(rest.token)])
        self._see([item.name for item in client.search_logged_models([experiment_id], "metrics.acc > 0.1")])
        other = [{"dataset_name": "other", "dataset_digest": "1"}]
        self._see(list(client.search_logged_models([experiment_id], "metrics.acc > 0.1", datasets=other)))
        client.delete_logged_model(failed.model_id)
        self._refused(lambda: client.get_logged_model(failed.model_id))
        return model_id

    def _registry(self, run_id: str, model_id: str) -> None:
        client, name = self.client, self.name
        self._see(client.create_registered_model(name, {"team": "blue", "n": 1}, "what it is"))
        self._refused(lambda: client.create_registered_model(name))
        self._refused(lambda: client.create_registered_model("a/b"))
        self._refused(lambda: client.create_registered_model(""))
        self._refused(lambda: client.get_registered_model(f"{name}-none"))
        self._see(client.update_registered_model(name, "changed"))
        client.set_registered_model_tag(name, "gone", 1)
        client.delete_registered_model_tag(name, "gone")
        client.delete_registered_model_tag(name, "gone")
        self._see(
            client.create_model_version(
                name, f"models:/{model_id}", run_id, {"x": 1}, "https://l", "of a model", model_id=model_id
            )
        )
        self._see(client.create_model_version(name, f"runs:/{run_id}/model", run_id, await_creation_for=0))
        self._see(client.create_model_version(name, "s3://bucket/model"))
        self._refused(lambda: client.create_model_version(name, "/etc"))
        self._refused(lambda: client.create_model_version(f"{name}-none", "s3://bucket/model"))

    def _versions(self) -> None:
        client, name = self.client, self.name
        self._see(client.update_model_version(name, "2", "the second"))
        self._refused(lambda: client.update_model_version(name, "9", "none"))
        self._see(client.transition_model_version_stage(name, "1", "production"))
        self._see(client.transition_model_version_stage(name, "2", "Production", True))
        self._refused(lambda: client.transition_model_version_stage(name, "2", "Nowhere"))
        self._see(sorted((item.version, item.current_stage) for item in client.get_latest_versions(name)))
        self._see([item.version for item in client.get_latest_versions(name, ["Production", "Staging"])])
        self._see(client.get_model_version_stages(name, "1"))
        client.set_model_version_tag(name, "1", "a", 2)
        client.set_model_version_tag(name, key="b", value="by stage", stage="Production")
        client.delete_model_version_tag(name, "1", "a")
        client.delete_model_version_tag(name, "1", "a")
        self._refused(lambda: client.set_model_version_tag(name, "1", "b", 1, stage="Production"))
        self._refused(lambda: client.set_model_version_tag(name, key="b", value=1))
        client.set_registered_model_alias(name, "champion", "2")
        client.set_registered_model_alias(name, "gone", 1)
        client.delete_registered_model_alias(name, "gone")
        client.delete_registered_model_alias(name, "gone")
        self._refused(lambda: client.set_registered_model_alias(name, "latest", "2"))
        self._see(client.get_model_version_by_alias(name, "champion"))
        self._refused(lambda: client.get_model_version_by_alias(name, "gone"))
        self._see(client.get_model_version(name, "2"))
        self._see([client.get_model_version_download_uri(name, number) for number in ("1", "3")])
        for place in ("1", "Production", "latest"):
            self._see(client.copy_model_version(f"models:/{name}/{place}", f"{name}-copy"))
        self._see(client.copy_model_version(f"models:/{name}@champion", f"{name}-copy"))
        self._refused(lambda: client.get_model_version(name, "77"))

    def _searches(self) -> None:
        client, name = self.client, self.name
        like = f"name LIKE '{name}%'"
        models = client.search_registered_models(like, order_by=["name DESC"])
        self._see([(item.name, item.tags, dict(item.aliases), item.description) for item in models])
        page = client.search_registered_models(like, max_results=1)
        rest = client.search_registered_models(like, max_results=1, page_token=page.token)
        self._see([page[0].name, bool(page.token), rest[0].name])
        self._see(list(client.search_registered_models(f"{like} AND tags.team = 'red'")))
        found = client.search_model_versions(f"name = '{name}'", order_by=["version_number ASC"])
        self._see([item.version for item in found])
        first = client.search_model_versions(f"name = '{name}'", 2, ["version_number ASC"])
        second = client.search_model_versions(f"name = '{name}'", 2, ["version_number ASC"], first.token)
        self._see([[item.version for item in page] for page in (first, second)])
        self._refused(lambda: client.search_model_versions("nonsense !"))

    def _ends(self) -> None:
        client, name = self.client, self.name
        client.rename_registered_model(name, f"{name}-renamed")
        self._refused(lambda: client.rename_registered_model(f"{name}-renamed", f"{name}-copy"))
        client.delete_model_version(f"{name}-renamed", "3")
        self._refused(lambda: client.delete_model_version(f"{name}-renamed", "3"))
        client.create_registered_model(f"{name}-gone")
        client.delete_registered_model(f"{name}-gone")
        self._refused(lambda: client.delete_registered_model(f"{name}-gone"))
        self._refused(lambda: client.get_registered_model(f"{name}-gone"))


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    kind = type(value).__name__
    if kind == "ModelVersion":
        return {"kind": kind, **{name: _plain(getattr(value, name)) for name in _VERSION}}
    if kind == "LoggedModel":
        return {"kind": kind, **{name: _plain(getattr(value, name)) for name in _MODEL}} | {
            "status": str(value.status),
            "status as a number": value.to_dictionary()["status"],
            "model_uri": value.model_uri,
        }
    if kind == "RegisteredModel":
        latest = [item.version for item in value.latest_versions]
        names = ("name", "description", "tags", "aliases")
        return {"kind": kind, "latest": latest, **{name: _plain(getattr(value, name)) for name in names}}
    return value


def main() -> None:
    """Plays the session with MLflow's client."""
    warnings.simplefilter("ignore")
    import mlflow
    import mlflow.entities

    url, name = sys.argv[1:]
    client = mlflow.MlflowClient(tracking_uri=url, registry_uri=url)
    print(json.dumps(Session(client, mlflow.entities, name).play(), default=list))


if __name__ == "__main__":
    main()
