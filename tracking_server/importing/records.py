"""What is handed from a source to a store: one after another, many to a transaction.

These are also the wire of `POST runner/import`. Every record may arrive twice: the second time changes
nothing. Times are epoch milliseconds; ids of experiments are the target's unless said otherwise.
"""

from __future__ import annotations

import msgspec

from tracking_server.store.records import (
    LoggedModel,
    LoggedModelInfo,
    Metric,
    RunInfo,
    RunInputs,
    RunOutputs,
    Tag,
    WireFloat,
)
from tracking_server.store.registry.records import Alias, ModelVersion


class ExperimentBegin(msgspec.Struct, frozen=True, kw_only=True, tag="experiment"):
    """An experiment of the source, to be made or found by name; `source_id` is kept where it is free."""

    source_id: str
    name: str
    creation_time: int
    tags: tuple[Tag, ...] = ()


class ExperimentEnd(msgspec.Struct, frozen=True, kw_only=True, tag="experiment-end"):
    """All runs of an experiment are there: its last change, and whether it is deleted.

    Both are taken once, at the end of the import that made the experiment; from then on it is the store's.
    """

    experiment_id: str
    last_update_time: int
    deleted: bool


class RunsHere(msgspec.Struct, frozen=True, kw_only=True, tag="runs-here"):
    """A question: which of these runs of the source are to be passed over, since the store has them whole?

    `again`: only those that are deleted here, which take nothing any more.
    """

    experiment_id: str
    runs: tuple[RunInfo, ...]
    again: bool = False


class ModelsHere(msgspec.Struct, frozen=True, kw_only=True, tag="models-here"):
    """A question: of which of these logged models may the files that are here be older than the source's?"""

    experiment_id: str
    models: tuple[LoggedModelInfo, ...]


class RunBegin(msgspec.Struct, frozen=True, kw_only=True, tag="run"):
    """A run without its metric points. `artifact_uri` None: in the store's own place; for new runs only."""

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
    """All of a run is there, and it takes the state that it has at the source.

    `copied`: its artifacts are in the store's own place now, wherever they were before. `incomplete`: some of
    them are not, and the next import is to go through the run again.
    """

    experiment_id: str
    info: RunInfo
    deleted_at_ms: int | None = None
    copied: bool = False
    incomplete: bool = False


class ModelRecord(msgspec.Struct, frozen=True, kw_only=True, tag="model"):
    """A logged model. Its metrics, here or in ModelPoints, must come after the runs that logged them.

    `whole` False: more is to come, and a new model is PENDING until a record of it comes that is whole.
    `copied` as in RunEnd, `artifact_uri` as in RunBegin.
    """

    experiment_id: str
    model: LoggedModel
    deleted: bool = False
    artifact_uri: str | None = None
    whole: bool = True
    copied: bool = False


class ModelPoints(msgspec.Struct, frozen=True, kw_only=True, tag="model-points"):
    """Some metric points of a logged model."""

    experiment_id: str
    model_id: str
    points: tuple[Metric, ...]


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
    | ModelsHere
    | RunBegin
    | RunPoints
    | RunEnd
    | ModelRecord
    | ModelPoints
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
    """What became of some records: experiments begun, answers, what could not be taken or is otherwise here.

    `runs_here` are to be passed over. `followed` are runs and logged models that were unfinished when their
    files came: a file of the same size may be another by now.
    """

    places: tuple[Place, ...] = ()
    runs_here: tuple[str, ...] = ()
    followed: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
