"""What a table of runs shows, as its address says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.datastructures import QueryParams

from tracking_client.wire import names
from tracking_server.store.searching.paging import SearchRequest
from tracking_server.ui import colours
from tracking_server.ui.runs.columns import Column, chosen, quoted

RUNS_PER_PAGE = 30
"""As many as a screen shows; a script adds more as one comes to the end."""
MOST_CHOSEN = 1_000
"""Of runs that are pinned, opened, selected or coloured in one address."""

_VIEWS = {"": "ACTIVE_ONLY", "deleted": "DELETED_ONLY", "all": "ALL"}
_ROOTS = f"tags.{quoted(names.PARENT_RUN_ID)} IS NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One table.

    `order` is in the search language, "" for the newest first. `columns` is None where nobody chose any.
    `opened` are runs whose nested runs are shown, "all" for all; `is_flat`: nested runs stand as all others.
    `group` is the column that runs are grouped by.
    """

    filter: str
    order: str
    lifecycle: str
    columns: tuple[Column, ...] | None
    opened: tuple[str, ...]
    pinned: tuple[str, ...]
    selected: frozenset[str]
    colours: Mapping[str, int]
    is_flat: bool
    group: Column | None
    page_token: str

    @property
    def is_nested(self) -> bool:
        """Whether nested runs stand under their parents. A filter finds them wherever they are."""
        return not (self.is_flat or self.filter)

    def search(self, most: int = RUNS_PER_PAGE, page_token: str | None = None) -> SearchRequest:
        """The search that finds its lines."""
        return SearchRequest(
            filter=_ROOTS if self.is_nested else self.filter,
            order_by=(self.order,) if self.order else (),
            view=_VIEWS[self.lifecycle],
            max_results=most,
            page_token=self.page_token if page_token is None else page_token,
        )


def under(parent: str) -> str:
    """The filter that finds the runs that are nested under one."""
    quoted_id = parent.replace("'", "''")
    return f"tags.{quoted(names.PARENT_RUN_ID)} = '{quoted_id}'"


def read(query: QueryParams) -> View:
    """The view of an address. Words that mean nothing are passed over, so that old addresses keep working."""
    lifecycle = query.get("view", "")
    group = chosen(query.getlist("group")[:1])
    columns = chosen(query.getlist("column"))
    return View(
        filter=query.get("filter", "").strip(),
        order=query.get("order", "").strip(),
        lifecycle=lifecycle if lifecycle in _VIEWS else "",
        columns=tuple(columns) if columns or "column" in query else None,
        opened=_several(query, "open"),
        pinned=_several(query, "pin"),
        selected=frozenset(_several(query, "select")),
        colours=_colours(query.getlist("colour")[:MOST_CHOSEN]),
        is_flat=query.get("flat", "") == "1",
        group=group[0] if group and group[0].entity in ("params", "tags") else None,
        page_token=query.get("page_token", ""),
    )


def _several(query: QueryParams, name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in query.getlist(name)[:MOST_CHOSEN] if value))


def _colours(texts: list[str]) -> dict[str, int]:
    """Runs and the numbers of their colours, from texts such as "4-<run id>"."""
    pairs = (text.partition("-") for text in texts)
    found = {run: colour_of(number) for number, _, run in pairs if run}
    return {run: number for run, number in found.items() if number is not None}


def colour_of(text: str) -> int | None:
    """The number of a colour; None where the text is none."""
    is_short = text.isascii() and text.isdigit() and len(text) <= 3  # endless ones Python refuses
    return int(text) if is_short and int(text) < colours.COUNT else None


REMEMBERED = "columns"
"""The cookie that keeps the columns which somebody chose for an experiment."""
MOST_REMEMBERED_BYTES = 3_500


def remembered(cookie: str | None) -> list[str]:
    """The names of columns in such a cookie."""
    return [value for name, value in parse_qsl(cookie or "") if name == "column"]
