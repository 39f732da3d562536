"""The table that measurements are printed as: a line for each, with the bars that `runner` has to meet."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table. Bars: the least ratio to MLflow, the least or the most of our own figure, and
    the most that it may be of MLflow's. With a `most`, or where it `is_cost`, less is better.
    """

    what: str
    unit: str
    runner: float
    mlflow: float | None = None
    least_ratio: float | None = None
    least: float | None = None
    most: float | None = None
    most_of_mlflow: float | None = None
    is_cost: bool = False
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times as good as MLflow."""
        if self.mlflow is None:
            return None
        if self.mlflow == 0:  # it answered nothing in all that time
            return math.inf
        less_is_better = self.is_cost or self.most is not None or self.most_of_mlflow is not None
        return self.mlflow / self.runner if less_is_better else self.runner / self.mlflow

    @property
    def bars(self) -> list[tuple[str, bool]]:
        """Each bar in words, and whether it is met."""
        found: list[tuple[str, bool]] = []
        if self.least_ratio is not None and self.ratio is not None:
            found.append((f">= {self.least_ratio:g} x", self.ratio >= self.least_ratio))
        if self.least is not None:
            found.append((f">= {self.least:,g} {self.unit}", self.runner >= self.least))
        if self.most is not None:
            found.append((f"<= {self.most:g} {self.unit}", self.runner <= self.most))
        if self.most_of_mlflow is not None and self.mlflow is not None:
            most = self.most_of_mlflow * self.mlflow
            found.append((f"<= {self.most_of_mlflow:g} of mlflow's", self.runner <= most))
        return found

    def as_json(self) -> dict[str, object]:
        """The line for a file."""
        return {
            "what": self.what,
            "unit": self.unit,
            "runner": self.runner,
            "mlflow": self.mlflow,
            "ratio": self.ratio,
            "bars": dict(self.bars),
            "note": self.note,
        }


def print_table(rows: Iterable[Row]) -> None:
    """Prints the rows on stdout."""
    print(f"{'':48}{'runner':>20}{'mlflow':>18}{'ratio':>8}  bars")
    for row in rows:
        peer = "" if row.mlflow is None else f"{row.mlflow:,.4g}"
        ratio = "" if row.ratio is None else f"{row.ratio:.1f}"
        bars = ", ".join(f"{bar}: {'met' if met else 'NOT MET'}" for bar, met in row.bars)
        print(f"{row.what:48}{row.runner:>10,.4g} {row.unit:9}{peer:>18}{ratio:>8}  {bars}  {row.note}")
