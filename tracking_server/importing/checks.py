"""What a record must be like to be stored, whoever sent it: names that are names, texts that fit."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from tracking_client.wire import limits
from tracking_server.artifacts.paths import location_problem
from tracking_server.importing.records import (
    AliasRecord,
    ExperimentBegin,
    ModelPoints,
    ModelRecord,
    Point,
    Problem,
    Record,
    RegisteredModelRecord,
    RunBegin,
    RunEnd,
    RunPoints,
    VersionRecord,
)
from tracking_server.store import logged_models, runs
from tracking_server.store.records import DatasetInput, Metric, Tag
from tracking_server.store.registry.records import STAGES

MAX_DATASET_NAME = 500
MAX_DATASET_DIGEST = 36
MAX_DATASET_TAG_KEY = 255
MAX_MODEL_NAME = 500
MAX_REGISTERED_NAME = 256
MAX_ALIAS = 255

# All others are numbers in JSON: the store's own words, those of Python, and those of R and Java.
_SPECIAL = frozenset({"NaN", "Infinity", "-Infinity", "nan", "inf", "-inf"})
_MODEL_ID = re.compile(r"[\w\-]{1,64}", re.ASCII)


def model_id_problem(model_id: str) -> str | None:
    """What is wrong with `model_id` as the id of a logged model, or None."""
    return None if _MODEL_ID.fullmatch(model_id) else "its id is none"


def problem_of(record: Record) -> Problem | None:
    """Why `record` cannot be stored; None where it can."""
    why = _why(record) or _unstorable(record)
    if why is None:
        return None
    return Problem(kind=str(type(record).__struct_config__.tag), what=_what(record), why=why)


def _what(record: Record) -> str:
    match record:
        case RunBegin() | RunEnd():
            return f"run {record.info.run_id[:300]}"
        case RunPoints():
            return f"metric points of run {record.run_id[:300]}"
        case ModelRecord():
            return f"logged model {record.model.info.model_id[:300]}"
        case ModelPoints():
            return f"metric points of logged model {record.model_id[:300]}"
        case VersionRecord():
            return (
                f"version {record.version.version[:20]} of the registered model '{record.version.name[:300]}'"
            )
        case ExperimentBegin() | RegisteredModelRecord() | AliasRecord():
            return f"'{record.name[:300]}'"
        case _:
            return "a record"


def _why(record: Record) -> str | None:
    match record:
        case ExperimentBegin():
            fits = 0 < len(record.name) <= limits.MAX_EXPERIMENT_NAME_LENGTH
            return _of_tags(record.tags, "tag") if fits else "its name is empty or too long"
        case RunBegin():
            return _of_run(record)
        case RunPoints():
            # No other ids either: a run that is being collected has one that nobody may name.
            return limits.run_id_problem(record.run_id) or _of_points(record.points)
        case RunEnd():
            return limits.run_id_problem(record.info.run_id) or _of_status(record.info.status)
        case ModelRecord():
            return _of_model(record)
        case ModelPoints():
            return model_id_problem(record.model_id) or _of_points(record.points)
        case RegisteredModelRecord():
            return _of_registered_name(record.name) or _of_tags(record.tags, "tag")
        case VersionRecord():
            return _of_version(record)
        case AliasRecord():
            longest = max((len(alias.alias) for alias in record.aliases), default=0)
            return f"an alias is longer than {MAX_ALIAS} characters" if longest > MAX_ALIAS else None
        case _:
            return None


def _of_status(status: str) -> str | None:
    return None if status in runs.STATUSES else f"its status is none: '{status[:100]}'"


def _of_run(record: RunBegin) -> str | None:
    problem = limits.run_id_problem(record.info.run_id)
    problem = problem or _of_tags(record.params, "parameter") or _of_tags(record.tags, "tag")
    return problem or next(filter(None, map(_of_dataset, record.inputs.dataset_inputs)), None)


def _of_dataset(used: DatasetInput) -> str | None:
    dataset = used.dataset
    if len(dataset.name) > MAX_DATASET_NAME or not dataset.name:
        return f"the name of a dataset is empty or longer than {MAX_DATASET_NAME} characters"
    if max(len(dataset.digest), len(dataset.source_type)) > MAX_DATASET_DIGEST:
        return f"the digest or the source's type of a dataset is longer than {MAX_DATASET_DIGEST} characters"
    if any(len(tag.key) > MAX_DATASET_TAG_KEY for tag in used.tags):
        return f"the key of a dataset's tag is longer than {MAX_DATASET_TAG_KEY} characters"
    return None


def _of_model(record: ModelRecord) -> str | None:
    info = record.model.info
    if (problem := model_id_problem(info.model_id)) is not None:
        return problem
    if max(len(info.name), len(info.model_type)) > MAX_MODEL_NAME:
        return f"its name or type is longer than {MAX_MODEL_NAME} characters"
    if info.status not in logged_models.STATUSES:
        return f"its status is none: '{info.status[:100]}'"
    pairs = _of_tags(info.tags, "tag") or _of_tags(record.model.data.params, "parameter")
    return pairs or _of_points(record.model.data.metrics)


def _of_points(points: Iterable[Point | Metric]) -> str | None:
    keys: set[str] = set()
    for point in points:
        keys.add(point.key)
        if isinstance(point.value, str) and point.value not in _SPECIAL:
            return f"a metric's value is no number: '{point.value[:100]}'"
    return next(filter(None, (limits.key_problem(key, "metric") for key in sorted(keys))), None)


def _of_registered_name(name: str) -> str | None:
    if not name or len(name) > MAX_REGISTERED_NAME or "/" in name or ":" in name:
        return f"its name is empty, holds '/' or ':', or is longer than {MAX_REGISTERED_NAME} characters"
    return None


def _of_version(record: VersionRecord) -> str | None:
    version = record.version
    number = version.version
    is_number = number.isascii() and number.isdigit() and len(number) <= 20
    if not is_number or not 0 < int(number) < 2**31:
        return "it has no number"
    if version.current_stage not in STAGES:
        return f"its stage is none: '{version.current_stage[:100]}'"
    for location in (version.source, record.storage_location or ""):
        if (problem := location_problem(location)) is not None:
            return problem
    return _of_tags(version.tags, "tag")


def _of_tags(tags: tuple[Tag, ...], kind: str) -> str | None:
    return next(filter(None, (limits.key_problem(tag.key, kind) for tag in tags)), None)


def _unstorable(record: Record) -> str | None:
    try:
        if rb"\u0000" in msgspec.json.encode(record):
            return "one of its texts holds a NUL character, which databases cannot store"
    except UnicodeEncodeError:
        return "one of its texts is not Unicode"
    return None
