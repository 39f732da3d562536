"""Replaying the logged models that runs made."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from pathlib import Path

from tracking_client.client import TrackingClient
from tracking_client.errors import NotFound
from tracking_client.replaying.files import copy_files
from tracking_client.replaying.marks import WHOLE, mark_for, without_marks
from tracking_client.wire import names
from tracking_client.wire.entities import LoggedModel, LoggedModelStatus, Metric

_DESCRIPTION = "MLmodel"
_FINAL = (LoggedModelStatus.READY, LoggedModelStatus.FAILED)


@dataclass(slots=True, kw_only=True)
class ModelReplay:
    """Replays logged models of `source` to `target`. Used by one thread. Raises as the clients do."""

    source: TrackingClient
    target: TrackingClient
    _known: dict[str, str] = field(default_factory=dict)

    def known(self, model_id: str) -> str | None:
        """What a model that was replayed by this became on the target."""
        return self._known.get(model_id)

    def points_of(self, model_id: str) -> tuple[Metric, ...]:
        """What was measured of a model; nothing where it is not of the source."""
        try:
            return self.source.get_logged_model(model_id).metrics
        except NotFound:
            return ()

    def replay(self, model: LoggedModel, experiment_id: str, run_ids: tuple[str, str] | None = None) -> str:
        """The id of the model on the target, whole now; `run_ids` are its run's, here and there, if any."""
        mark = mark_for(self.target.transport)
        noted = model.tags.get(mark, "")
        if noted.startswith(WHOLE):
            return self._know(model, noted.removeprefix(WHOLE))
        made = noted or self._made_before(model, experiment_id)
        if made is None:
            made = self._made(model, experiment_id, None if run_ids is None else run_ids[1])
        self.source.set_logged_model_tags(model.model_id, {mark: made})
        location = self.target.get_logged_model(made).artifact_location
        # The location first, as it holds the id.
        ids = {
            model.artifact_location: location,
            model.model_id: made,
            **({} if run_ids is None else dict([run_ids])),
        }
        copy_files(
            self.source.model_artifact_root(model.model_id),
            self.target.model_artifact_root(made),
            lambda name, file: _rename(ids, file) if name == _DESCRIPTION else None,
        )
        with contextlib.suppress(NotFound):
            self.target.delete_logged_model_tag(made, names.REPLAYED_FROM)
        if model.status in _FINAL:
            self.target.finalize_logged_model(made, model.status)
            self.source.set_logged_model_tags(model.model_id, {mark: WHOLE + made})
        return self._know(model, made)

    def _know(self, model: LoggedModel, made: str) -> str:
        self._known[model.model_id] = made
        return made

    def _made_before(self, model: LoggedModel, experiment_id: str) -> str | None:
        wanted = f"tags.`{names.REPLAYED_FROM}` = '{model.model_id}'"
        for found in self.target.find_logged_models([experiment_id], wanted, max_results=1):
            return found.model_id
        return None

    def _made(self, model: LoggedModel, experiment_id: str, run_id: str | None) -> str:
        tags = without_marks(model.tags)
        tags.pop(names.MODEL_VERSIONS, None)  # which speaks of numbers that versions have here
        return self.target.create_logged_model(
            experiment_id,
            name=model.name,
            source_run_id=run_id,
            tags={**tags, names.REPLAYED_FROM: model.model_id},
            params=model.params,
            model_type=model.model_type or None,
        ).model_id


def _rename(ids: dict[str, str], file: Path) -> None:
    """In the description of a model: it names itself and its run."""
    text = file.read_bytes()
    for here, there in ids.items():
        text = text.replace(here.encode(), there.encode())
    file.write_bytes(text)


__all__ = ["ModelReplay"]
