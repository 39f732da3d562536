"""Searches of registered models and of their versions.

MLflow keeps prompts in the registry as well. A search that says nothing of prompts finds none; one that does,
`tag.mlflow.prompt.is_prompt = 'true'`, reads the tag as 'false' where it is absent, as MLflow's clients
expect.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, Select, exists, literal, or_, select

from tracking_server.query.parser import parse_filter
from tracking_server.query.tree import And, Comparison, Node, Not, Or
from tracking_server.query.vocabulary import MODEL_VERSIONS, REGISTERED_MODELS, Vocabulary
from tracking_server.store.registry.records import (
    VERSIONS,
    ModelVersion,
    RegisteredModel,
    model_records,
    version_records,
)
from tracking_server.store.registry.registered_models import PROMPT_TAG
from tracking_server.store.registry.schema import (
    model_version_tags,
    model_versions,
    registered_model_tags,
    registered_models,
)
from tracking_server.store.searching.order import SortKey
from tracking_server.store.searching.paging import Page, SearchRequest, page_of
from tracking_server.store.searching.searchable import Searchable, Test

VERSIONS_ORDER = ("last_updated_timestamp DESC",)
"""How versions come where the client asks for no order: then by name, then the highest number first."""


class _RegistrySearchable(Searchable):
    """Entities among which prompts are marked by a tag."""

    __slots__ = ()

    def compare(self, comparison: Comparison, test: Test) -> ColumnElement[bool]:
        """See `Searchable.compare`; a missing prompt tag reads 'false'."""
        found = super().compare(comparison, test)
        if comparison.entity != "tag" or comparison.key != PROMPT_TAG or comparison.value is None:
            return found
        return or_(found, ~self._has_prompt_tag() & test(literal("false")))

    def is_no_prompt(self) -> ColumnElement[bool]:
        """Whether an entity is what registries were made for."""
        table, _ = self.texts["tag"]
        return ~self._has_prompt_tag(table.c.value == "true")

    def _has_prompt_tag(self, *tests: ColumnElement[bool]) -> ColumnElement[bool]:
        table, owner = self.texts["tag"]
        return exists().where(owner == self.row_id, table.c.key == PROMPT_TAG, *tests)


_MODELS = _RegistrySearchable(
    row_id=registered_models.c.id,
    attributes={
        "name": registered_models.c.name,
        "creation_timestamp": registered_models.c.created_at_ms,
        "last_updated_timestamp": registered_models.c.updated_at_ms,
    },
    texts={"tag": (registered_model_tags, registered_model_tags.c.registered_model_id)},
    tie_breakers=(SortKey(expression=registered_models.c.name),),
)
_VERSIONS = _RegistrySearchable(
    row_id=model_versions.c.id,
    attributes={
        "name": registered_models.c.name,
        "version_number": model_versions.c.version,
        "run_id": model_versions.c.run_uuid,
        "model_id": model_versions.c.model_uuid,
        "source_path": model_versions.c.source,
        "stage": model_versions.c.stage,
        "creation_timestamp": model_versions.c.created_at_ms,
        "last_updated_timestamp": model_versions.c.updated_at_ms,
    },
    nullable=frozenset({"model_id"}),
    texts={"tag": (model_version_tags, model_version_tags.c.model_version_id)},
    tie_breakers=(
        SortKey(expression=registered_models.c.name),
        SortKey(expression=model_versions.c.version, ascending=False),
    ),
)


def models(connection: Connection, request: SearchRequest) -> Page[RegisteredModel]:
    """A page of registered models, by name where nothing else is asked. Raises InvalidParameter."""
    rows, token = page_of(
        connection,
        _without_prompts(select(registered_models), _MODELS, REGISTERED_MODELS, request),
        _MODELS,
        REGISTERED_MODELS,
        request,
        about="registered models",
    )
    return Page(items=model_records(connection, rows), next_page_token=token)


def versions(connection: Connection, request: SearchRequest) -> Page[ModelVersion]:
    """A page of versions, the last changed first where nothing else is asked. Raises InvalidParameter."""
    asked = replace(request, order_by=request.order_by or VERSIONS_ORDER)
    rows, token = page_of(
        connection,
        _without_prompts(VERSIONS, _VERSIONS, MODEL_VERSIONS, asked),
        _VERSIONS,
        MODEL_VERSIONS,
        asked,
        about="model versions",
    )
    return Page(items=version_records(connection, rows), next_page_token=token)


def _without_prompts(
    statement: Select[tuple[object, ...]],
    thing: _RegistrySearchable,
    vocabulary: Vocabulary,
    request: SearchRequest,
) -> Select[tuple[object, ...]]:
    if _speaks_of_prompts(parse_filter(request.filter, vocabulary)):
        return statement
    return statement.where(thing.is_no_prompt())


def _speaks_of_prompts(node: Node) -> bool:
    match node:
        case And(parts) | Or(parts):
            return any(_speaks_of_prompts(part) for part in parts)
        case Not(part):
            return _speaks_of_prompts(part)
        case Comparison():
            return node.entity == "tag" and node.key == PROMPT_TAG
