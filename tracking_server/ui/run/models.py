"""The logged models that a run read and made, and the registered versions that came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from tracking_server.store.logged_models import STATUSES
from tracking_server.store.records import Run
from tracking_server.store.registry.schema import (
    model_versions,
    registered_model_aliases,
    registered_models,
)
from tracking_server.store.schema import logged_models

SHOWN = 100
"""The most models, and the most versions, that a page names."""

_MOST_ALIASES = 1_000
_STAGELESS = "None"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version in the registry; `model_id` is the logged model it was made of, "" for files of a run."""

    name: str
    version: int
    stage: str
    aliases: Sequence[str]
    model_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A logged model as one run has to do with it; `name` is None where the store does not know it.

    `step` is where the run made it, None where it read it.
    """

    model_id: str
    name: str | None
    model_type: str
    status: str
    deleted: bool
    step: int | None
    versions: Sequence[Version]


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """`versions` are those of the run itself and of the models it made."""

    read: Sequence[Model]
    made: Sequence[Model]
    versions: Sequence[Version]


def of(connection: Connection, run: Run) -> Models:
    """The models of a run, by its links in both directions."""
    read = {model.model_id: None for model in run.inputs.model_inputs[:SHOWN]}
    made = {model.model_id: model.step for model in run.outputs.model_outputs[:SHOWN]}
    versions = _versions(connection, run.info.run_id, [*read, *made])
    wanted = select(logged_models).where(logged_models.c.uuid.in_([*read, *made]))
    known = {row.uuid: row for row in connection.execute(wanted)}
    own = [version for version in versions if version.model_id not in read or version.model_id in made]
    return Models(
        read=[_model(known.get(id_), id_, step, versions) for id_, step in read.items()],
        made=[_model(known.get(id_), id_, step, versions) for id_, step in made.items()],
        versions=own,
    )


def _model(row: Row[Any] | None, model_id: str, step: int | None, versions: Sequence[Version]) -> Model:
    return Model(
        model_id=model_id,
        name=None if row is None else row.name,
        model_type="" if row is None else row.model_type,
        status="" if row is None else STATUSES[row.status].removeprefix("LOGGED_MODEL_").lower(),
        deleted=row is not None and bool(row.deleted),
        step=step,
        versions=[version for version in versions if version.model_id == model_id],
    )


def _versions(connection: Connection, run_id: str, models: Sequence[str]) -> list[Version]:
    columns = (
        model_versions.c.registered_model_id,
        registered_models.c.name,
        model_versions.c.version,
        model_versions.c.stage,
        model_versions.c.model_uuid,
    )
    found = select(*columns).join(
        registered_models, registered_models.c.id == model_versions.c.registered_model_id
    )
    # Two questions: one with OR may use neither index.
    rows = [
        row
        for condition in (model_versions.c.run_uuid == run_id, model_versions.c.model_uuid.in_(models))
        for row in connection.execute(found.where(condition).limit(SHOWN))
    ]
    aliases = _aliases(connection, {row.registered_model_id for row in rows})
    by_number = {(row.registered_model_id, row.version): row for row in rows}
    return sorted(
        (
            Version(
                name=row.name,
                version=row.version,
                stage="" if row.stage == _STAGELESS else row.stage,
                aliases=aliases.get(number, ()),
                model_id=row.model_uuid or "",
            )
            for number, row in by_number.items()
        ),
        key=lambda version: (version.name, version.version),
    )


def _aliases(connection: Connection, models: set[int]) -> dict[tuple[int, int], list[str]]:
    if not models:
        return {}
    rows = connection.execute(
        select(registered_model_aliases)
        .where(registered_model_aliases.c.registered_model_id.in_(models))
        .limit(_MOST_ALIASES)
    )
    found: dict[tuple[int, int], list[str]] = {}
    for row in rows:
        found.setdefault((row.registered_model_id, row.version), []).append(row.alias)
    return found
