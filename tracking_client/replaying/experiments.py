"""Finding or making the experiments that replayed runs go to."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

from tracking_client.client import TrackingClient
from tracking_client.replaying.marks import mark_for, without_marks


@dataclass(slots=True, kw_only=True)
class ExperimentReplay:
    """Replays experiments of `source` to `target`, by name. Used by one thread. Raises as the clients do."""

    source: TrackingClient
    target: TrackingClient
    _known: dict[str, str] = field(default_factory=dict)

    def replay(self, experiment_id: str) -> str:
        """The id of the experiment on the target, made where it is not there, with its tags."""
        known = self._known.get(experiment_id)
        if known is None:
            ours = self.source.get_experiment(experiment_id)
            known = self.target.ensure_experiment(ours.name).experiment_id
            self._replay_tags(experiment_id, ours.tags, known)
            self._known[experiment_id] = known
        return known

    def _replay_tags(self, experiment_id: str, tags: dict[str, str], there: str) -> None:
        """Sets tags that were not sent yet; what became of them there since stays."""
        wanted = without_marks(tags)
        mark = mark_for(self.target.transport)
        digest = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()
        if not wanted or tags.get(mark) == digest:
            return
        for key, value in wanted.items():
            self.target.set_experiment_tag(there, key, value)
        self.source.set_experiment_tag(experiment_id, mark, digest)


__all__ = ["ExperimentReplay"]
