"""What is handed from a source to a store: one after another, many to a transaction.

These are also the wire of `POST runner/import`. Every record may arrive twice: the second time changes
nothing. Times are epoch milliseconds; ids of experiments are the target's unless said otherwise.
"""

from __future__ import annotations

import msgspec

from tracking_server.store.records import LoggedModel, RunInfo, RunInputs, RunOutputs, Tag, WireFloat
from tracking_server.store.registry_records import Alias, ModelVersion


class ExperimentBegin(msgspec.Struct, frozen=True, kw_only=True, tag="experiment"):
    """An experiment of the source, to be made or found by name; `source_id` is kept where it is free."""

    source_id: str
    name: str
    creation_time: int
    tags: tuple[Tag, ...] = ()


class ExperimentEnd(msgspec.Struct, frozen=True, kw_only=True, tag="experiment-end"):
    """All runs of an experiment are there: its last change, and whether it is deleted."""

    experiment_id: str
    last_update_time: int
    deleted: bool


class RunsHere(msgspec.Struct, frozen=True, kw_only=True, tag="runs-here"):
    """A question: which of these runs of the source does the store hold already, whole?"""

    experiment_id: str
    runs: tuple[RunInfo, ...]


class RunBegin(msgspec.Struct, frozen=True, kw_only=True, tag="run"):
    """A run without its metric points. `artifact_uri` None: in the store's own place."""

    experiment_id: str
    info: RunInfo
    params: tuple[Tag, ...] = ()
    tags: tuple[Tag, ...] = ()
    inputs: RunInputs = RunInputs()
    outputs: RunOutputs = RunOutputs()
    artifact_uri: str | None = None


class Point(msgspec.Struct, frozen=True, array_like=True):
    """One value of one metric."""

    key: str
    value: WireFloat
    timestamp: int
    step: int


class RunPoints(msgspec.Struct, frozen=True, kw_only=True, tag="points"):
    """Some metric points of a run."""

    experiment_id: str
    run_id: str
    points: tuple[Point, ...]


class RunEnd(msgspec.Struct, frozen=True, kw_only=True, tag="run-end"):
    """All of a run is there: its state, from now on the source's."""

    experiment_id: str
    info: RunInfo
    deleted_at_ms: int | None = None


class ModelRecord(msgspec.Struct, frozen=True, kw_only=True, tag="model"):
    """A logged model, whole. Its metrics must come after the runs that logged them."""

    experiment_id: str
    model: LoggedModel
    deleted: bool = False
    artifact_uri: str | None = None


class RegisteredModelRecord(msgspec.Struct, frozen=True, kw_only=True, tag="registered-model"):
    """A registered model without its versions."""

    name: str
    creation_timestamp: int
    last_updated_timestamp: int
    description: str | None = None
    tags: tuple[Tag, ...] = ()


class VersionRecord(msgspec.Struct, frozen=True, kw_only=True, tag="version"):
    """A version of a registered model. `storage_location` is where the source keeps its files."""

    version: ModelVersion
    storage_location: str | None = None


class AliasRecord(msgspec.Struct, frozen=True, kw_only=True, tag="aliases"):
    """The aliases of a registered model, after its versions."""

    name: str
    aliases: tuple[Alias, ...]


Record = (
    ExperimentBegin
    | ExperimentEnd
    | RunsHere
    | RunBegin
    | RunPoints
    | RunEnd
    | ModelRecord
    | RegisteredModelRecord
    | VersionRecord
    | AliasRecord
)


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something of the source that is not in the store as it was. `lost` False: only worth knowing."""

    kind: str
    what: str
    why: str
    lost: bool = True


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where an experiment of the source is in the store."""

    source_id: str
    experiment_id: str
    artifact_location: str


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What became of some records: experiments begun, runs that are here, and what could not be taken."""

    places: tuple[Place, ...] = ()
    runs_here: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
