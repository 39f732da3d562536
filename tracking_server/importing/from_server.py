"""From a running server, MLflow's or ours, by its REST API; one page of answers is in memory at a time.

Credentials and TLS are taken from the variables that MLflow's own client reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from tracking_client.errors import ApiError, TrackingError
from tracking_client.tracking_uri import parse
from tracking_client.transport import Transport
from tracking_server.importing.protocols import (
    Source,
    SourceError,
    SourceModel,
    SourceRegistered,
    SourceRun,
    SourceVersion,
    Tree,
)
from tracking_server.importing.records import Point, Problem
from tracking_server.importing.server_tree import ServerTree
from tracking_server.store.records import Experiment, LoggedModel, Metric, Run
from tracking_server.store.registry.records import ModelVersion, RegisteredModel

T = TypeVar("T")

V2 = "/api/2.0/mlflow"
V3 = "/api/3.0/mlflow"
DEFAULT_WORKSPACE = "default"
PER_PAGE = 200
MODELS_PER_PAGE = 10
"""Few: a server sends all metric points of a logged model along."""
POINTS_PER_PAGE = 25_000
_ELSEWHERE = (
    "s3:",
    "gs:",
    "wasb:",
    "wasbs:",
    "abfs:",
    "abfss:",
    "dbfs:",
    "hdfs:",
    "viewfs:",
    "ftp:",
    "sftp:",
)
_PROMPTS = "tag.`mlflow.prompt.is_prompt` = 'true'"


class ServerSource:
    """A tracking server. Raises SourceError where it does not answer. Deleted models are not listed by it."""

    def __init__(self, uri: str, environ: Mapping[str, str]) -> None:
        try:
            self._transport = Transport(parse(uri), environ=environ)
        except TrackingError as error:
            raise SourceError(str(error)) from error
        self._noticed: list[Problem] = []
        self._call("POST", "experiments/search", max_results=1, view_type="ALL")

    def _call(self, method: str, path: str, **fields: Any) -> dict[str, Any]:
        try:
            if method == "GET":
                return self._transport.call("GET", f"{V2}/{path}", query=fields)
            return self._transport.call(method, f"{V2}/{path}", body=fields)
        except TrackingError as error:
            raise SourceError(f"{path}: {error}") from error

    def _pages(self, method: str, path: str, items: str, kind: type[T], **fields: Any) -> Iterator[T]:
        token = ""
        while True:
            extra = {"page_token": token} if token else {}
            reply = self._call(method, path, **fields, **extra)
            for document in reply.get(items, []):
                try:
                    yield msgspec.convert(document, kind, strict=False)
                except msgspec.ValidationError as error:
                    what = f"one of {items} of {path}"
                    self._noticed.append(Problem(kind="reply", what=what, why=str(error)))
            token = reply.get("next_page_token") or ""
            if not token:
                return

    def experiments(self) -> Iterator[Experiment]:
        """See `Source.experiments`."""
        order = ["creation_time ASC", "experiment_id ASC"]
        fields = {"max_results": PER_PAGE, "view_type": "ALL", "order_by": order}
        return self._pages("POST", "experiments/search", "experiments", Experiment, **fields)

    def runs(self, experiment: Experiment) -> Iterator[SourceRun]:
        """See `Source.runs`. In the order of their start: what is begun meanwhile comes last."""
        for document in self._pages(
            "POST",
            "runs/search",
            "runs",
            dict[str, Any],
            experiment_ids=[experiment.experiment_id],
            run_view_type="ALL",
            max_results=PER_PAGE,
            order_by=["attributes.start_time ASC", "attributes.run_id ASC"],
        ):
            run = self._run(document)
            if run is not None:
                yield SourceRun(run=run)

    def _run(self, document: dict[str, Any]) -> Run | None:
        info = document.get("info", {})
        # Fields that older servers leave out.
        whole = {
            "run_name": "",
            "user_id": "",
            "start_time": 0,
            "artifact_uri": "",
            "lifecycle_stage": "active",
        }
        run_id = info.get("run_id") or info.get("run_uuid")
        document["info"] = {**whole, **info, "run_id": run_id, "run_uuid": run_id}
        for tag in (*document.get("data", {}).get("params", ()), *document.get("data", {}).get("tags", ())):
            tag.setdefault("value", "")
        try:
            return msgspec.convert(document, Run, strict=False)
        except msgspec.ValidationError as error:
            self._noticed.append(Problem(kind="run", what=f"run {run_id}", why=str(error)))
            return None

    def whole(self, run: Run) -> Run:
        """See `Source.whole`. MLflow's search leaves out which models a run read."""
        document = self._call("GET", "runs/get", run_id=run.info.run_id)["run"]
        return self._run(document) or run

    def points(self, run: Run) -> Iterator[Point]:
        """See `Source.points`."""
        for latest in run.data.metrics:
            for document in self._pages(
                "GET",
                "metrics/get-history",
                "metrics",
                dict[str, Any],
                run_id=run.info.run_id,
                metric_key=latest.key,
                max_results=POINTS_PER_PAGE,
            ):
                value = document.get("value", 0.0)
                step = int(document.get("step", 0))
                yield Point(latest.key, value, int(document["timestamp"]), step)

    def models(self, experiment: Experiment) -> Iterator[SourceModel]:
        """See `Source.models`."""
        fields = {"experiment_ids": [experiment.experiment_id], "max_results": MODELS_PER_PAGE}
        try:
            for document in self._pages("POST", "logged-models/search", "models", dict[str, Any], **fields):
                model = self._logged_model(document)
                if model is not None:
                    yield SourceModel(model=model)
        except SourceError as error:
            if not _is_absent(error):  # a server older than logged models has none
                raise

    def _logged_model(self, document: dict[str, Any]) -> LoggedModel | None:
        document.setdefault("data", {})
        document["info"] = {"model_type": "", "source_run_id": "", **document["info"]}
        try:
            return msgspec.convert(document, LoggedModel, strict=False)
        except msgspec.ValidationError as error:
            what = f"logged model {document['info'].get('model_id')}"
            self._noticed.append(Problem(kind="logged model", what=what, why=str(error)))
            return None

    def model_points(self, model: LoggedModel) -> Iterator[Metric]:
        """See `Source.model_points`. A search may tell the latest only of a model that has many."""
        if model.data.metrics:
            document = self._call("GET", f"logged-models/{model.info.model_id}")["model"]
            model = self._logged_model(document) or model
        return iter(model.data.metrics)

    def registered_models(self) -> Iterator[SourceRegistered]:
        """See `Source.registered_models`."""
        for filter_string in ("", _PROMPTS):
            fields: dict[str, Any] = {"max_results": PER_PAGE}
            if filter_string:
                fields["filter"] = filter_string
            for document in self._pages(
                "GET", "registered-models/search", "registered_models", dict[str, Any], **fields
            ):
                document.pop("latest_versions", None)
                # A search leaves the aliases out on some servers: the model itself has them.
                whole = self._call("GET", "registered-models/get", name=document["name"])["registered_model"]
                whole.pop("latest_versions", None)
                model = msgspec.convert(whole, RegisteredModel, strict=False)
                is_prompt = any(tag.key == "mlflow.prompt.is_prompt" for tag in model.tags)
                if bool(filter_string) == is_prompt:
                    yield SourceRegistered(model=model, aliases=model.aliases)

    def versions(self, name: str) -> Iterator[SourceVersion]:
        """See `Source.versions`."""
        quote = '"' if "'" in name else "'"
        found = self._pages(
            "GET",
            "model-versions/search",
            "model_versions",
            dict[str, Any],
            filter=f"name = {quote}{name}{quote}",
            max_results=PER_PAGE,
            order_by=["version_number ASC"],
        )
        # Old servers pay no heed to the order, and a number below the highest one counts as deleted.
        for document in sorted(found, key=lambda version: int(version["version"])):
            whole = {"run_id": "", "run_link": "", "source": "", "current_stage": "None", "status": "READY"}
            whole |= document
            whole.pop("aliases", None)
            version = msgspec.convert(whole, ModelVersion, strict=False)
            location = self._call(
                "GET", "model-versions/get-download-uri", name=name, version=version.version
            )
            yield SourceVersion(version=version, storage_location=location.get("artifact_uri"))

    def tree(self, owner: Run | LoggedModel) -> Tree | None:
        """See `Source.tree`. What is in a bucket stays there: clients read it with their own credentials."""
        if owner.info.artifact_uri.startswith(_ELSEWHERE):
            return None
        return ServerTree(self._transport, owner)

    def problems(self) -> Iterator[Problem]:
        """See `Source.problems`."""
        noticed, self._noticed = self._noticed, []
        yield from noticed

    def left_behind(self) -> Iterator[Problem]:
        """See `Source.left_behind`."""
        yield from self._other_workspaces()
        ids = [experiment.experiment_id for experiment in self.experiments()]
        for experiment_id in ids:
            try:
                reply = self._call("GET", "traces", experiment_ids=[experiment_id], max_results=1)
            except SourceError:  # a server without traces
                return
            if reply.get("traces"):
                what = f"the traces of experiment {experiment_id}"
                yield Problem(kind="trace", what=what, why="traces are not kept here")

    def _other_workspaces(self) -> Iterator[Problem]:
        try:
            if not self._transport.call("GET", f"{V3}/server-info").get("workspaces_enabled"):
                return
            reply = self._transport.call("GET", f"{V3}/workspaces")
        except TrackingError:  # a server older than workspaces, or one that does not tell
            return
        for workspace in reply.get("workspaces", []):
            if workspace.get("name") != DEFAULT_WORKSPACE:
                what = f"workspace '{workspace.get('name')}'"
                yield Problem(kind="workspace", what=what, why="only the default workspace is imported")

    def close(self) -> None:
        """See `Source.close`."""
        self._transport.close()


def _is_absent(error: SourceError) -> bool:
    cause = error.__cause__
    return isinstance(cause, ApiError) and cause.status in (404, 405, 501)


def _conforms(source: ServerSource) -> Source:
    return source
