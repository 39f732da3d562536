"""The columns of a table of runs: which there are, how an address names them, and what stands in them.

An address names a column `params.lr`, `metrics.rmse`, `tags.team`, `attributes.user_id`; with `min:` or
`max:` before it, a metric's least or greatest value instead of its latest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from tracking_server.store.run_cells import Keys

Entity = Literal["attributes", "metrics", "params", "tags"]
Reduction = Literal["", "min", "max"]

ATTRIBUTES = {"user_id": "User", "run_id": "Id", "end_time": "Ended"}
"""What a run itself says, beside what every table shows: name, status, start and duration."""
MOST = 100
"""More columns than this nobody reads, and no page renders in time."""
MOST_BY_ITSELF = 12
"""How many metrics, and how many parameters, get a column when nobody chose."""
_RARE = 0.1
"""No column for what so few have, beside what the most have."""

_ENTITIES: dict[str, Entity] = {
    "attributes": "attributes",
    "metrics": "metrics",
    "params": "params",
    "tags": "tags",
}
_REDUCTIONS: dict[str, Reduction] = {"min": "min", "max": "max"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. `reduction` is of metrics: "" for the latest value."""

    entity: Entity
    key: str
    reduction: Reduction = ""

    @property
    def name(self) -> str:
        """How an address names it."""
        prefix = f"{self.reduction}:" if self.reduction else ""
        return f"{prefix}{self.entity}.{self.key}"

    @property
    def title(self) -> str:
        """What stands above it."""
        words = ATTRIBUTES[self.key] if self.entity == "attributes" else self.key
        return f"{words} ({self.reduction})" if self.reduction else words

    @property
    def is_numeric(self) -> bool:
        """Whether its cells are numbers, which stand under one another."""
        return self.entity == "metrics"

    @property
    def order(self) -> str:
        """The same in the search language, to sort by; "" where no search sorts by it."""
        return "" if self.reduction else f"{self.entity}.{quoted(self.key)}"


def quoted(key: str) -> str:
    """A name as the search language takes it, whatever is in it."""
    escaped = key.replace("`", "``")
    return f"`{escaped}`"


def read(name: str) -> Column | None:
    """The column of that name; None where an address names none."""
    reduction, colon, rest = name.partition(":")
    if not colon or reduction not in _REDUCTIONS:
        reduction, rest = "", name
    entity, dot, key = rest.partition(".")
    known = _ENTITIES.get(entity)
    if known is None or not dot or not key or (reduction and known != "metrics"):
        return None
    if known == "attributes" and key not in ATTRIBUTES:
        return None
    return Column(entity=known, key=key, reduction=_REDUCTIONS.get(reduction, ""))


def chosen(names: Iterable[str]) -> list[Column]:
    """The columns that an address names, each once, in its order; the first `MOST`."""
    found = dict.fromkeys(column for name in names if (column := read(name)) is not None)
    return list(found)[:MOST]


def by_itself(first_keys: Iterable[Keys]) -> tuple[list[Column], bool]:
    """The metrics and parameters that most of some runs have, and whether there are more of them.

    What next to none of them has gets no column: it would be empty, and push the others out of sight.
    """
    metrics: Counter[str] = Counter()
    params: Counter[str] = Counter()
    for keys in first_keys:
        metrics.update(keys.metrics)
        params.update(keys.params)
    columns = [
        *(Column(entity="metrics", key=key) for key in _commonest(metrics)),
        *(Column(entity="params", key=key) for key in _commonest(params)),
    ]
    return columns, len(columns) < len(metrics) + len(params)


def _commonest(counts: Counter[str]) -> list[str]:
    """Those that most have first; equally common ones by name."""
    least = max(counts.values(), default=0) * _RARE
    common = (key for key, count in counts.items() if count > least)
    return sorted(common, key=lambda key: (-counts[key], key))[:MOST_BY_ITSELF]


def keys_of(columns: Sequence[Column]) -> Keys:
    """What must be read of each run to fill these columns."""
    return Keys(
        params=[column.key for column in columns if column.entity == "params"],
        metrics=[column.key for column in columns if column.entity == "metrics"],
        tags=[column.key for column in columns if column.entity == "tags"],
    )
