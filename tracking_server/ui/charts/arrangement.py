"""Where links of a page of charts lead: to the same page with a chart less, or with one in another place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.datastructures import QueryParams

from tracking_server.ui import address
from tracking_server.ui.charts.chart_list import MOST_CHARTS, Chart

NO_CHARTS = "none"
"""Stands in an address in the place of charts where all were removed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """All charts of the page at `own` in their order, also those that a search hides."""

    own: str
    query: QueryParams
    charts: Sequence[Chart]

    def without(self, chart: Chart) -> str:
        """The page without a chart."""
        return self._address([each for each in self.charts if each is not chart])

    def in_place_of(self, chart: Chart, other: Chart) -> str:
        """The page with a chart in the place of another, which makes room towards where the first one was."""
        rest = [each for each in self.charts if each is not chart]
        place = next(number for number, each in enumerate(self.charts) if each is other)
        return f"{self._address([*rest[:place], chart, *rest[place:]])}#{self.anchor(other)}"

    def with_one_more(self, chart: Chart, query: QueryParams) -> str:
        """The page with a chart at the end, and what else is in `query`. Of too many the first ones go."""
        charts = [each.written for each in (*self.charts, chart)][-MOST_CHARTS:]
        return address.url(self.own, query, chart=charts)

    def anchor(self, chart: Chart) -> str:
        """The name of a chart's place within the page."""
        return f"chart-{next(number for number, each in enumerate(self.charts) if each is chart)}"

    def _address(self, charts: Sequence[Chart]) -> str:
        return address.url(self.own, self.query, chart=[each.written for each in charts] or [NO_CHARTS])
