"""The data sets that a run read, as people want to see them: where from, what for, which columns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tracking_client.wire import names
from tracking_server.store.records import DatasetInput, Tag

_MOST_COLUMNS = 300
_MOST_CHARACTERS = 20_000
_PLACES = ("uri", "url", "path", "delta_table_name", "table_name")


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedDataset:
    """A data set as a run read it.

    `source` is an address or path where the source's description has one, `details` the description as text.
    `columns` are names and types, empty where the schema is of another kind: `schema` is its text then.
    """

    name: str
    digest: str
    context: str
    tags: Sequence[Tag]
    source_type: str
    source: str
    details: str
    columns: Sequence[tuple[str, str]]
    columns_left_out: int
    schema: str
    profile: str


def described(used: DatasetInput) -> UsedDataset:
    """`used` for the page; descriptions of any shape are bounded."""
    dataset = used.dataset
    source = _parsed(dataset.source)
    place = next((source[key] for key in _PLACES if isinstance(source.get(key), str)), "")
    columns = _columns(_parsed(dataset.schema or ""))
    return UsedDataset(
        name=dataset.name,
        digest=dataset.digest,
        context=next((tag.value for tag in used.tags if tag.key == names.DATASET_CONTEXT), ""),
        tags=[tag for tag in used.tags if tag.key != names.DATASET_CONTEXT],
        source_type=dataset.source_type,
        source=place if source else dataset.source[:500],
        details="" if place or not source else _text(dataset.source),
        columns=columns[:_MOST_COLUMNS],
        columns_left_out=len(columns[_MOST_COLUMNS:]),
        schema="" if columns else _text(dataset.schema or ""),
        profile=_text(dataset.profile or ""),
    )


def _parsed(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _columns(schema: dict[str, Any]) -> list[tuple[str, str]]:
    """Names and types of `{"mlflow_colspec": [{"name": …, "type": …}, …]}`, as MLflow writes schemas."""
    columns = schema.get("mlflow_colspec")
    if not isinstance(columns, list) or not all(isinstance(column, dict) for column in columns):
        return []
    return [(str(column.get("name", "")), _kind(column.get("type", ""))) for column in columns]


def _kind(kind: object) -> str:
    return kind if isinstance(kind, str) else json.dumps(kind)[:200]


def _text(description: str) -> str:
    """A description, set out if it is JSON of a moderate size."""
    if len(description) > _MOST_CHARACTERS:
        return description[:_MOST_CHARACTERS] + "…"
    try:
        return json.dumps(json.loads(description), indent=2, ensure_ascii=False)[: 2 * _MOST_CHARACTERS]
    except (ValueError, RecursionError):
        return description
