"""All that a server of either kind holds of an experiment, asked for through the REST API, place by place.

`holdings` has names where the server has ids, and `(a time)` where it has one that is not a script's own; so two
that should be equal but for ids and times can be compared, and what differs has a name.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from tracking_client.artifact_stores.root import ArtifactRoot
from tracking_client.client import TrackingClient
from tracking_client.wire.fields import Json

Holdings = dict[str, Any]

_API = "/api/2.0/mlflow"
A_TIME = "(a time)"
_LATELY_MS = 1_600_000_000_000
"""Scripts that choose a time choose one long ago: later ones are the clock's."""
_TIMES = re.compile(r"\d{4}-\d\d-\d\d[ T@]\d\d:\d\d:\d\d(\.\d+)?|\b1[6-9]\d{11}\b")
_MADE_UP = re.compile(r"[a-z]+-[a-z]+-\d+")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
# Of the deployment: MLflow's server has workspaces, and each has its own place for artifacts.
_PLACES = {"workspace", "artifact_uri", "artifact_location"}
# Keras and skops write where in the memory of the process an object was.
_IN_MEMORY = re.compile(r"\b1[34]\d{13}\b")
_SIZE = re.compile(r"(?<=model_size_bytes: )\d+")


def holdings(
    client: TrackingClient,
    experiment: str,
    registered: Sequence[str] = (),
    formerly: TrackingClient | None = None,
) -> Holdings:
    """What the server of `client` has of the experiment, of its runs, and of these registered models.

    Files may also speak of the runs by the ids that they had `formerly`, in another store.
    """
    reader = _Reader(client, experiment)
    if formerly is not None:
        reader.ids = {**_Reader(formerly, experiment).ids, **reader.ids}
    return reader.everything(registered)


def differing(theirs: Holdings, ours: Holdings) -> dict[str, tuple[Any, Any]]:
    """Where the two differ, and what each has there: None for nothing."""
    return {
        place: (theirs.get(place), ours.get(place))
        for place in sorted({*theirs, *ours})
        if theirs.get(place) != ours.get(place)
    }


class _Reader:
    def __init__(self, client: TrackingClient, experiment: str) -> None:
        found = client.get_experiment_by_name(experiment)
        assert found is not None, experiment
        experiment_id = found.experiment_id
        self._client = client
        self._experiment_id = experiment_id
        self._runs = sorted(
            self._pages("runs/search", "runs", experiment_ids=[experiment_id], run_view_type="ALL"),
            key=lambda run: (int(run["info"].get("start_time", 0)), run["info"].get("run_name", "")),
        )
        self._models = self._pages("logged-models/search", "models", experiment_ids=[experiment_id])
        self._models.sort(key=lambda model: int(model["info"]["creation_timestamp_ms"]))
        self.ids = {experiment: "EXPERIMENT", f"artifacts:/{experiment_id}/": "artifacts:/EXPERIMENT/"}
        self._run_names = self._named_runs()
        self._model_names = self._named_models()

    def everything(self, registered: Sequence[str]) -> Holdings:
        told = self._call("GET", "experiments/get", {"experiment_id": self._experiment_id})["experiment"]
        found = self._placed("experiment", self._values(told))
        for run in self._runs:
            found |= self._of_run(run)
        for model in self._models:
            found |= self._of_model(model)
        for number, name in enumerate(registered):
            self.ids.setdefault(name, f"REGISTERED {number}")
        for name in registered:
            found |= self._of_registered(name)
        return found

    def _named_runs(self) -> dict[str, str]:
        named: dict[str, str] = {}
        for run in self._runs:
            name, run_id = run["info"].get("run_name", ""), run["info"]["run_id"]
            if _MADE_UP.fullmatch(name):
                self.ids[name] = f"NAME {len(named)}"
                name = f"run {len(named)}"
            while name in named.values():
                name += "'"
            named[run_id] = name
            self.ids[run_id] = f"<{name}>"
        return named

    def _named_models(self) -> dict[str, str]:
        named: dict[str, str] = {}
        for model in self._models:
            info = model["info"]
            name = f"{info['name']} of {self._run_names.get(info.get('source_run_id', ''), 'no run')}"
            while name in named.values():
                name += "'"
            named[info["model_id"]] = name
            self.ids[info["model_id"]] = f"<{name}>"
        return named

    def _of_run(self, run: Json) -> Holdings:
        run_id = run["info"]["run_id"]
        at = f"run {self._run_names[run_id]}"
        # What a search answers is what a question for the one run answers.
        alone = self._call("GET", "runs/get", {"run_id": run_id})["run"]
        found = self._placed(at, self._values({key: alone[key] for key in alone if key != "data"}))
        data = {name: alone.get("data", {}).get(name, []) for name in ("params", "tags")}
        found |= self._placed(at, self._values(data))
        for metric in alone.get("data", {}).get("metrics", ()):
            key = metric["key"]
            found[f"{at}/metric {key}/latest"] = self._point(metric)
            query = {"run_id": run_id, "metric_key": key, "max_results": 1000}
            points = self._call("GET", "metrics/get-history", query).get("metrics", [])
            found[f"{at}/metric {key}/history"] = sorted(map(self._point, points), key=repr)
        return found | self._files(f"{at}/file", self._client.artifact_root(run_id))

    def _of_model(self, model: Json) -> Holdings:
        model_id = model["info"]["model_id"]
        at = f"model {self._model_names[model_id]}"
        alone = self._call("GET", f"logged-models/{model_id}", {})["model"]
        data = alone.get("data", {})
        found = self._placed(at, self._values(alone["info"]))
        found |= self._placed(at, self._values({"params": data.get("params", [])}))
        points = sorted(map(self._point, data.get("metrics", ())), key=repr)
        for point in points:
            found.setdefault(f"{at}/metric {point['key']}", []).append(point)
        return found | self._files(f"{at}/file", self._client.model_artifact_root(model_id))

    def _of_registered(self, name: str) -> Holdings:
        told = self._call("GET", "registered-models/get", {"name": name})["registered_model"]
        told = {key: value for key, value in told.items() if key != "latest_versions"}
        found = self._placed(f"registered {self._text(name)}", self._values(told))
        versions = self._call("GET", "model-versions/search", {"filter": f"name = '{name}'"})
        for version in versions.get("model_versions", ()):
            found |= self._placed(f"version {self._text(name)} {version['version']}", self._values(version))
        return found

    def _point(self, metric: Json) -> dict[str, Any]:
        values = self._values(metric)
        values.setdefault("step", 0)
        return {key: value for key, value in values.items() if key != "run_id"}

    def _values(self, told: Json) -> dict[str, Any]:
        """`told` without what is of the deployment, and with numbers as numbers."""
        return {key: self._value(key, value) for key, value in told.items() if key not in _PLACES}

    def _value(self, key: str, value: Any) -> Any:
        if isinstance(value, Mapping):
            return self._values(value)
        if isinstance(value, list):
            return [self._value(key, item) for item in value]
        if "time" in key and str(value).isdigit():
            return int(value) if int(value) < _LATELY_MS else A_TIME
        if key == "experiment_id":
            return "EXPERIMENT"
        if isinstance(value, str) and key == "step":
            return int(value)
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        for known in sorted(self.ids, key=len, reverse=True):
            text = text.replace(known, self.ids[known])
        return _UUID.sub("(a uuid)", _TIMES.sub(A_TIME, _IN_MEMORY.sub("(an id)", text)))

    def _placed(self, at: str, values: Mapping[str, Any]) -> Holdings:
        """Fields of an object by their places; pairs of a key and a value by their keys."""
        found: Holdings = {}
        for key, value in values.items():
            if isinstance(value, Mapping):
                found |= self._placed(f"{at}/{key}", value)
            elif isinstance(value, list) and all(isinstance(item, dict) for item in value):
                for item in value:
                    found |= self._placed_item(f"{at}/{key}", item)
            else:
                found[f"{at}/{key}"] = value
        return found

    def _placed_item(self, at: str, item: dict[str, Any]) -> Holdings:
        if set(item) <= {"key", "value"}:
            return {f"{at} {item['key']}": item.get("value", "")}
        if "dataset" in item:
            tags = {tag["key"]: tag["value"] for tag in item.get("tags", ())}
            data = item["dataset"]
            return self._placed(
                f"{at} {data['name']} {data['digest']}", {**data, "tags": json.dumps(tags, sort_keys=True)}
            )
        return {f"{at} {json.dumps(item, sort_keys=True)}": "there"}

    def _files(self, at: str, root: ArtifactRoot, folder: str = "") -> Holdings:
        found: Holdings = {}
        for entry in root.entries(folder):
            if entry.is_dir:
                found |= self._files(at, root, entry.path)
                continue
            with TemporaryDirectory() as beside:
                local = Path(beside, "file")
                root.get(entry.path, local)
                content = local.read_bytes()
            assert (entry.file_size or 0) == len(content), entry
            for name, seen in self._contents(entry.path, content):
                found.setdefault(f"{at} {self._text(name)}", []).append(seen)
                found[f"{at} {self._text(name)}"].sort()
        return found

    def _contents(self, name: str, content: bytes) -> Iterator[tuple[str, str]]:
        """A file as text without ids and times, or its digest; of an archive, those of its members.

        No two pickles of one thing are alike, nor the sizes of models that hold one, or an archive's dates.
        """
        if name.endswith(".pkl"):
            yield name, "(a pickle)"
            return
        if name == "MLmodel":
            for field, value in _leaves(yaml.safe_load(content)):
                yield f"{name} {field}", _SIZE.sub("(a size)", self._text(f"{field}: {value}"))
            return
        if content.startswith(b"PK"):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for member in archive.namelist():
                    yield from self._contents(f"{name}!{member}", archive.read(member))
            return
        try:
            text = content.decode("utf-8")
            yield name, self._text(json.dumps(json.loads(text)) if name.endswith(".json") else text)
        except UnicodeDecodeError:
            yield name, f"sha256 {hashlib.sha256(content).hexdigest()}"

    def _pages(self, path: str, field: str, **body: Any) -> list[Json]:
        found: list[Json] = []
        token = ""
        while True:
            wanted = {**body, "max_results": 50, **({"page_token": token} if token else {})}
            reply = self._call("POST", path, wanted)
            found += reply.get(field, [])
            token = reply.get("next_page_token", "")
            if not token:
                return found

    def _call(self, method: str, path: str, told: Mapping[str, Any]) -> Json:
        query, body = (dict(told), None) if method == "GET" else (None, dict(told))
        return self._client.transport.call(method, f"{_API}/{path}", query=query, body=body)


def _leaves(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """What is in nested objects, by its place; a field that is null is as good as none."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{at}.{key}" if at else str(key))
    elif value is not None:
        yield at, value


__all__ = ["A_TIME", "Holdings", "differing", "holdings"]
