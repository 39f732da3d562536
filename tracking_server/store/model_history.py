"""The tag in which a run's models are noted by clients that know no logged models: a list, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from tracking_server.errors import InvalidParameter
from tracking_server.store import runs
from tracking_server.store.schema import run_tags

TAG = "mlflow.log-model.history"


def add(connection: Connection, run_id: str, model: Mapping[str, Any]) -> None:
    """Add a model to the tag of an active run, unless it is the last one there already.

    Raises NotFound, and InvalidParameter for a deleted run or a history that a tag cannot hold.
    """
    row = runs.find_active(connection, run_id)
    stored = connection.execute(
        select(run_tags.c.value).where(run_tags.c.run_id == row.id, run_tags.c.key == TAG).with_for_update()
    ).scalar()
    history = _read(stored)
    if history and history[-1] == model:
        return
    text = json.dumps([*history, model])
    if len(text) > runs.MAX_TAG_LENGTH:
        raise InvalidParameter(
            f"'value' exceeds the maximum length of {runs.MAX_TAG_LENGTH} characters: run '{run_id}' has too "
            f"many models in its tag {TAG}."
        )
    runs.log(connection, run_id, tags={TAG: text})


def _read(stored: str | None) -> list[Any]:
    """The history in a tag; one that somebody else wrote there and is none counts as empty."""
    try:
        found = json.loads(stored or "[]")
    except ValueError:
        return []
    return found if isinstance(found, list) else []
