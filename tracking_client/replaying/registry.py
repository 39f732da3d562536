"""Replaying what was registered offline: registered models, their versions, tags, aliases and stages.

A version gets the next number that the target has, and aliases follow it there. What it became is noted in
the source as a tag, once the target has it; until then it is found there by a tag of its own, which is
removed in the end. What a version or a model is said to be (description, tags, stage, aliases) is replayed
when it changed here since the last time, so that a replay takes nothing back that was changed there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

from tracking_client.client import TrackingClient
from tracking_client.errors import AlreadyExists, ApiError, NotFound
from tracking_client.model_uri import ModelUri, is_model_uri
from tracking_client.noted_versions import note_version
from tracking_client.replaying.marks import mark_for, without_marks
from tracking_client.replaying.runs import Replay
from tracking_client.wire import names
from tracking_client.wire.entities import ModelVersion, RegisteredModel

_RUNS = "runs:/"
_MODEL_ID = re.compile(r"(?:^models:|/models)/(m-[0-9a-f]{32})(?:/|$)")
_NO_STAGE = "None"


@dataclass(slots=True, kw_only=True)
class RegistryReplay:
    """Replays the registry of `runs.source` to `runs.target`, after the runs. Used by one thread.

    Every method raises ApiError, TransportError, ArtifactError and OSError.
    """

    runs: Replay
    replayed: int = 0
    """Versions that were made on the target."""
    _numbers: dict[tuple[str, str], str] = field(default_factory=dict)

    def all_models(self) -> None:
        """Replays every registered model. One that the target refuses does not keep the others back."""
        refusal: ApiError | None = None
        for model in list(self._source.find_registered_models()):
            try:
                self._replay(model)
            except ApiError as error:
                refusal = refusal or error
        if refusal is not None:
            raise refusal

    def waiting(self) -> int:
        """How many versions there are to replay."""
        return sum(
            self._mark not in version.tags
            for model in self._source.find_registered_models()
            for version in self._versions(model.name)
        )

    @property
    def _source(self) -> TrackingClient:
        return self.runs.source

    @property
    def _target(self) -> TrackingClient:
        return self.runs.target

    @property
    def _mark(self) -> str:
        return mark_for(self._target.transport)

    def _versions(self, name: str) -> list[ModelVersion]:
        """The versions of a model of the source, oldest first."""
        return sorted(_versions_of(self._source, name), key=lambda version: int(version.version))

    def _replay(self, model: RegisteredModel) -> None:
        with contextlib.suppress(AlreadyExists):
            self._target.create_registered_model(model.name)
        for version in self._versions(model.name):
            self._replay_version(version)
        said = {"description": model.description, "tags": without_marks(model.tags), "aliases": model.aliases}
        fingerprint = _fingerprint(said)
        if model.tags.get(self._mark) == fingerprint:
            return
        if model.description:
            self._target.update_registered_model(model.name, model.description)
        for key, value in without_marks(model.tags).items():
            self._target.set_registered_model_tag(model.name, key, value)
        for alias, number in model.aliases.items():
            there = self._number(model.name, number)
            self._target.set_registered_model_alias(model.name, alias, there)
        self._source.set_registered_model_tag(model.name, self._mark, fingerprint)

    def _number(self, name: str, number: str) -> str:
        """The number on the target of a version of the source."""
        if (name, number) not in self._numbers:
            # With those before it: numbers are given in the order of creation.
            for version in self._versions(name):
                if int(version.version) <= int(number):
                    self._replay_version(version)
        return self._numbers[name, number]

    def _replay_version(self, version: ModelVersion) -> None:
        here = (version.name, version.version)
        if here in self._numbers:
            return
        said = {
            "description": version.description,
            "tags": without_marks(version.tags),
            "stage": version.current_stage,
        }
        fingerprint = _fingerprint(said)
        number, _, told = version.tags.get(self._mark, "").partition(":")
        if not number:
            number = self._made_before(version) or self._made(version)
            self._source.set_model_version_tag(version.name, version.version, self._mark, f"{number}:")
        self._numbers[here] = number
        if told == fingerprint:
            return
        if version.description:
            self._target.update_model_version(version.name, number, version.description)
        for key, value in without_marks(version.tags).items():
            self._target.set_model_version_tag(version.name, number, key, value)
        if version.current_stage and version.current_stage != _NO_STAGE:
            self._target.transition_model_version_stage(version.name, number, version.current_stage)
        self._target.delete_model_version_tag(version.name, number, names.REPLAYED_FROM)
        self._source.set_model_version_tag(
            version.name, version.version, self._mark, f"{number}:{fingerprint}"
        )

    def _made_before(self, version: ModelVersion) -> str | None:
        origin = self._origin(version)
        for found in _versions_of(self._target, version.name):
            if found.tags.get(names.REPLAYED_FROM) == origin:
                return found.version
        return None

    def _made(self, version: ModelVersion) -> str:
        with contextlib.suppress(AlreadyExists):
            self._target.create_registered_model(version.name)
        run_id = self.runs.run_counterpart(version.run_id) if version.run_id else None
        here = _model_id(version)
        model_id = self._model_there(here) if here else None
        made = self._target.create_model_version(
            version.name,
            source=self._source_there(version),
            run_id=run_id,
            tags={**without_marks(version.tags), names.REPLAYED_FROM: self._origin(version)},
            run_link=version.run_link or None,
            description=version.description or None,
            model_id=model_id,
        )
        if model_id is not None:
            note_version(self._target, model_id, made)
        self.replayed += 1
        return made.version

    def _origin(self, version: ModelVersion) -> str:
        """Names a version among those of all stores that may be replayed to the target."""
        parts = (
            self._source.transport.target_uri,
            version.name,
            version.version,
            version.creation_timestamp,
        )
        return _fingerprint(parts)

    def _model_there(self, model_id: str) -> str:
        return self.runs.model_counterpart(model_id)

    def _source_there(self, version: ModelVersion) -> str:
        """Where the files of a version are on the target: what it names by an id has another one there."""
        source = version.source or ""
        if is_model_uri(source):
            uri = ModelUri.parse(source)
            if uri.model_id is not None:
                return f"models:/{self._model_there(uri.model_id)}"
            origin = self._source.version_at(uri)
            return f"models:/{origin.name}/{self._number(origin.name, origin.version)}"
        if source.startswith(_RUNS):
            run_id, slash, path = source.removeprefix(_RUNS).partition("/")
            return f"{_RUNS}{self.runs.run_counterpart(run_id)}{slash}{path}"
        for here, there in self._places(version):
            if source == here or source.startswith(f"{here}/"):
                return there + source.removeprefix(here)
        return source

    def _places(self, version: ModelVersion) -> list[tuple[str, str]]:
        """Where the artifacts of the version's logged model and run are, here and there."""
        places = []
        model_id = _model_id(version)
        if model_id:
            with contextlib.suppress(NotFound):
                model = self._source.get_logged_model(model_id)
                there = self._target.get_logged_model(self._model_there(model_id))
                places.append((model.artifact_location, there.artifact_location))
        if version.run_id:
            with contextlib.suppress(NotFound):
                run = self._source.get_run(version.run_id)
                other = self._target.get_run(self.runs.run_counterpart(version.run_id))
                places.append((run.info.artifact_uri or "", other.info.artifact_uri or ""))
        return [(here.rstrip("/"), there.rstrip("/")) for here, there in places if here and there]


def _model_id(version: ModelVersion) -> str | None:
    """The logged model that a version is made of: servers, MLflow's too, tell it in the source only."""
    found = _MODEL_ID.search(version.source or "")
    return version.model_id or (found[1] if found else None)


def _versions_of(client: TrackingClient, name: str) -> list[ModelVersion]:
    # Servers have no escape for quotes in filters: a name with both kinds is looked for by its pattern.
    quote = '"' if "'" in name else "'"
    word = f"= {quote}{name}{quote}"
    if quote in name:
        word = f"LIKE {quote}{name.replace(quote, '_')}{quote}"
    return [version for version in client.find_model_versions(f"name {word}") if version.name == name]


def _fingerprint(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


__all__ = ["RegistryReplay"]
