"""What was logged to a run by name: parameters, metrics and tags, narrowed by a text, the first of many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from tracking_client.wire import names
from tracking_server.store.records import Metric, RunData, Tag
from tracking_server.ui import wording

FIRST = 500
"""So many of a kind are on the page before somebody asks for all."""

SYSTEM_METRICS = "system/"
SYSTEM_TAGS = ("mlflow.", "runner.")

Item = TypeVar("Item", Metric, Tag)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Generic[Item]):
    """`items` are the first of `matching` that pass the search, of `total`."""

    items: Sequence[Item]
    matching: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """What a run has. Of tags, `tags` are people's and `system_tags` what programs keep for themselves."""

    params: Listed[Tag]
    metrics: Listed[Metric]
    system_metrics: Listed[Metric]
    tags: Listed[Tag]
    system_tags: Listed[Tag]


def narrowed(data: RunData, search: str, *, first: int | None = FIRST) -> Values:
    """What of `data` has `search` in its name or its value, whatever the case; None shows all of it."""
    wanted = search.casefold()

    def has_text(item: Tag) -> bool:
        return wanted in item.key.casefold() or wanted in item.value.casefold()

    def has_number(item: Metric) -> bool:
        return wanted in item.key.casefold() or wanted in wording.number(item.value).casefold()

    shown_tags = [tag for tag in data.tags if tag.key != names.NOTE]
    return Values(
        params=_listed(data.params, has_text, first),
        metrics=_listed((m for m in data.metrics if not _is_systems(m)), has_number, first),
        system_metrics=_listed(filter(_is_systems, data.metrics), has_number, first),
        tags=_listed((t for t in shown_tags if not is_system_tag(t.key)), has_text, first),
        system_tags=_listed((t for t in shown_tags if is_system_tag(t.key)), has_text, first),
    )


def is_system_tag(key: str) -> bool:
    """Whether programs set a tag for themselves, so that people should not."""
    return key.startswith(SYSTEM_TAGS)


def _is_systems(metric: Metric) -> bool:
    return metric.key.startswith(SYSTEM_METRICS)


def _listed(items: Iterable[Item], passes: Callable[[Item], bool], first: int | None) -> Listed[Item]:
    everything = list(items)
    found = [item for item in everything if passes(item)]
    return Listed(items=found[:first], matching=len(found), total=len(everything))
