"""What a comparison is asked for: all of it is in the address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from starlette.datastructures import QueryParams

from tracking_server.errors import InvalidParameter
from tracking_server.ui.address import url

MOST_RUNS = 200
SECTIONS: Mapping[str, str] = {
    "params": "Parameters",
    "metrics": "Metrics",
    "tags": "Tags",
    "code": "Code",
    "environment": "Environment",
    "system": "Tags of programs",
}
"""The parts of a comparison with their titles, in the order in which they are shown."""

_OPEN_AT_FIRST = frozenset(SECTIONS) - {"system"}
_NONE = "none"
_FROM = "_from"

Show = Literal["", "all", "differences"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which runs are compared, in this order or in that of the row `sort` names, and what of them is wanted.

    `baseline` "" is none. `show` "" leaves it to how much is the same. `open` are the sections whose rows are
    wanted. `skipped`: how many rows of a section come before those that are shown. `patch` is the run whose
    changed files are wanted beside the baseline's; "" the first that has others.
    """

    run_ids: tuple[str, ...]
    baseline: str = ""
    show: Show = ""
    search: str = ""
    open: frozenset[str] = _OPEN_AT_FIRST
    skipped: Mapping[str, int] = field(default_factory=dict)
    patch: str = ""
    sort: str = ""

    def address(self, path: str = "/compare") -> str:
        """The page that answers this question, or another path with the same query."""
        skipped: dict[str, Any] = {name + _FROM: count for name, count in self.skipped.items() if count > 0}
        is_usual = self.open == _OPEN_AT_FIRST
        opened = [name for name in SECTIONS if name in self.open] or [_NONE]
        return url(
            path,
            run=self.run_ids,
            baseline=self.baseline,
            show=self.show,
            search=self.search,
            open=None if is_usual else opened,
            patch=self.patch,
            sort=self.sort,
            **skipped,
        )

    def toggled(self, section: str) -> Question:
        """This question with a section folded or unfolded."""
        return replace(self, open=self.open ^ {section})

    def onwards(self, section: str, skipped: int) -> Question:
        """This question with other rows of a section."""
        return replace(self, skipped={**self.skipped, section: skipped})

    def showing(self, show: Show) -> Question:
        """This question with all rows, or those that differ."""
        return replace(self, show=show, skipped={})

    def sorted_by(self, row: str) -> Question:
        """This question with the runs in the order of a row, then the other way round, then as they were."""
        steps = {row: f"-{row}", f"-{row}": ""}
        return replace(self, sort=steps.get(self.sort, row))

    def without(self, run_id: str) -> Question:
        """This question without one of its runs."""
        left = tuple(other for other in self.run_ids if other != run_id)
        baseline = "" if self.baseline == run_id else self.baseline
        return replace(
            self, run_ids=left, baseline=baseline, patch="" if self.patch == run_id else self.patch
        )


def read(query: QueryParams) -> tuple[Question, bool]:
    """The question in an address, and whether its address should rather be that of the question.

    A form cannot take a field away or change one of many: it says `remove`, `set_baseline` or `show_patch`.
    Raises InvalidParameter where there are too many runs.
    """
    run_ids = tuple(dict.fromkeys(run_id for run_id in query.getlist("run") if run_id))
    if len(run_ids) > MOST_RUNS:
        raise InvalidParameter(
            f"{len(run_ids)} runs are more than can be compared at once, which are {MOST_RUNS}. "
            "Filter the runs of the experiment, and select fewer."
        )
    opened = query.getlist("open")
    asked = Question(
        run_ids=run_ids,
        baseline=query.get("baseline", ""),
        show=_show(query.get("show", "")),
        search=query.get("search", "").strip(),
        open=frozenset(opened) & frozenset(SECTIONS) if opened else _OPEN_AT_FIRST,
        skipped={name: _count(query.get(name + _FROM, "")) for name in SECTIONS if name + _FROM in query},
        patch=query.get("patch", ""),
        sort=query.get("sort", ""),
    )
    if "remove" in query:
        return asked.without(query["remove"]), True
    if "set_baseline" in query:
        return replace(asked, baseline=query["set_baseline"], patch=""), True
    if "show_patch" in query:
        return replace(asked, patch=query["show_patch"]), True
    return asked, False


def _show(text: str) -> Show:
    match text:
        case "all" | "differences":
            return text
        case _:
            return ""


def _count(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
