"""What the address of a sweep's page asks for. Whatever stands there, it has a meaning or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.datastructures import QueryParams

from tracking_server.ui.sweep.scales import number_of

GOALS = ("minimize", "maximize")
_MOST_FILTERS = 60
_FARTHEST_PAGE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """A range that a trial's number must be in, each end included where there is one; or some texts."""

    low: float | None = None
    high: float | None = None
    texts: frozenset[str] = frozenset()

    def holds(self, text: str | float | None) -> bool:
        """Whether a value is within."""
        if self.texts:
            return str(text) in self.texts if text is not None else False
        number = None if text is None else number_of(text)
        if number is None:
            return False
        return (self.low is None or number >= self.low) and (self.high is None or number <= self.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """`sort` is a column of the table; `within` the ranges of parameters, `value` that of the objective.

    `states` empty: trials of every state. Names that no trial has do no harm.
    """

    objective: str = ""
    goal: str = ""
    x: str = ""
    y: str = ""
    sort: str = ""
    descending: bool = False
    page: int = 0
    states: frozenset[str] = frozenset()
    within: Mapping[str, Within] = field(default_factory=dict)
    value: Within | None = None

    @property
    def narrows(self) -> bool:
        """Whether some trials are left out of the table."""
        return bool(self.states or self.within or self.value)


def read(query: QueryParams) -> Choices:
    """The choices in the query of an address."""
    goal, sort = query.get("goal", ""), query.get("sort", "")
    page = query.get("page", "")
    return Choices(
        objective=query.get("objective", ""),
        goal=goal if goal in GOALS else "",
        x=query.get("x", ""),
        y=query.get("y", ""),
        sort=sort.removeprefix("-"),
        descending=sort.startswith("-"),
        page=min(int(page), _FARTHEST_PAGE) if page.isascii() and page.isdigit() and len(page) < 6 else 0,
        states=frozenset(state for state in query.getlist("state") if state),
        within=_ranges(query),
        value=_within(query.get("low", ""), query.get("high", "")),
    )


def _ranges(query: QueryParams) -> dict[str, Within]:
    found: dict[str, Within] = {}
    for key in dict.fromkeys(key for key, _ in query.multi_items()):
        kind, dot, name = key.partition(".")
        if not dot or kind not in ("min", "max", "is") or len(found) >= _MOST_FILTERS:
            continue
        texts = frozenset(text for text in query.getlist(f"is.{name}") if text)
        within = _within(query.get(f"min.{name}", ""), query.get(f"max.{name}", ""), texts)
        if within is not None:
            found[name] = within
    return found


def _within(low: str, high: str, texts: frozenset[str] = frozenset()) -> Within | None:
    found = Within(low=number_of(low), high=number_of(high), texts=texts)
    return None if found == Within() else found
