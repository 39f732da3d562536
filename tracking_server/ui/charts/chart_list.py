"""The charts of an experiment, as the address of the page has them: a field `chart` each.

A chart is written as a query within the query: `kind=scatter&x=params.lr&y=metrics.loss`. Its fields name
columns as a table of runs does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import QueryParams

from tracking_server.errors import InvalidParameter
from tracking_server.ui.runs.columns import Column
from tracking_server.ui.runs.columns import read as read_column

MOST_CHARTS = 100
BANDS = {"range": "from the least to the greatest", "std": "one standard deviation to both sides"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of charts: what a page calls it, and which fields it has, with their words.

    `needed` are fields that name a column, `optional` those that may. `several`: the field `axis` names two
    columns or more. Of `metric_fields` the column must be a metric's.
    """

    words: str
    needed: Mapping[str, str] = field(default_factory=dict)
    optional: Mapping[str, str] = field(default_factory=dict)
    metric_fields: Sequence[str] = ()
    has_axes: bool = False
    has_band: bool = False
    has_key: bool = False


KINDS: dict[str, Kind] = {
    "line": Kind(
        words="Lines",
        needed={"y": "Metric"},
        optional={"group": "Mean over runs of the same"},
        metric_fields=("y",),
        has_band=True,
    ),
    "bar": Kind(words="Bars", needed={"y": "Value"}),
    "scatter": Kind(
        words="Scatter", needed={"x": "Across", "y": "Upwards"}, optional={"colour": "Coloured by"}
    ),
    "parallel": Kind(words="Parallel coordinates", optional={"colour": "Coloured by"}, has_axes=True),
    "histogram": Kind(words="Histogram", needed={"y": "Value"}, optional={"group": "One for each"}),
    "box": Kind(words="Boxes", needed={"y": "Value"}, optional={"group": "One for each"}),
    "contour": Kind(words="Contour", needed={"x": "Across", "y": "Upwards", "z": "Height"}),
    "images": Kind(words="Images", has_key=True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One chart. `columns` are those that its fields name, `axes` those of parallel coordinates.

    `band` is "" for a chart without. `key` names the images.
    """

    kind: str
    columns: Mapping[str, Column] = field(default_factory=dict)
    axes: tuple[Column, ...] = ()
    band: str = ""
    key: str = ""

    @property
    def written(self) -> str:
        """How an address has it."""
        pairs = [("kind", self.kind), *((name, column.name) for name, column in self.columns.items())]
        pairs += [("axis", column.name) for column in self.axes]
        pairs += [(name, value) for name, value in (("band", self.band), ("key", self.key)) if value]
        return urlencode(pairs)

    @property
    def used(self) -> list[Column]:
        """The columns whose values it shows."""
        return [*self.columns.values(), *self.axes]

    @property
    def title(self) -> str:
        """What stands above it."""
        columns = {name: column.title for name, column in self.columns.items()}
        if self.kind == "images":
            return self.key
        if self.kind == "parallel":
            return ", ".join(column.title for column in self.axes)
        title = columns["y"]
        if self.kind in ("scatter", "contour"):
            title = f"{columns.get('z', title)} by {columns['x']}"
            title += f" and {columns['y']}" if self.kind == "contour" else ""
        if "group" in columns:
            title += f" by {columns['group']}"
        return title


def read(text: str) -> Chart:
    """A chart as an address has it. Raises InvalidParameter."""
    return of_fields(QueryParams(parse_qsl(text)))


def of_fields(fields: QueryParams) -> Chart:
    """A chart from fields, those of an address or of a form. Raises InvalidParameter."""
    name = fields.get("kind", "")
    kind = KINDS.get(name)
    if kind is None:
        raise InvalidParameter(f"There is no kind of charts '{name[:100]}': {', '.join(KINDS)}.")
    columns = {}
    for each, words in {**kind.needed, **kind.optional}.items():
        text = fields.get(each, "").strip()
        if not text and each in kind.optional:
            continue
        columns[each] = _column(text, words, of_metrics=each in kind.metric_fields)
    axes = tuple(dict.fromkeys(_column(text, "Axis") for text in _axes(fields))) if kind.has_axes else ()
    if kind.has_axes and len(axes) < 2:
        raise InvalidParameter("Parallel coordinates need two axes or more.")
    band = fields.get("band", "") or next(iter(BANDS))
    if band not in BANDS:
        raise InvalidParameter(f"A band is one of {', '.join(BANDS)}, not '{band[:100]}'.")
    key = fields.get("key", "").strip() if kind.has_key else ""
    if kind.has_key and not key:
        raise InvalidParameter("Name the images as they were logged: the key of log_image.")
    return Chart(
        kind=name,
        columns=columns,
        axes=axes,
        band=band if kind.has_band and "group" in columns else "",
        key=key,
    )


def _axes(fields: QueryParams) -> list[str]:
    """The axes, each a field or several in one, as a form without scripts has them."""
    return [part.strip() for text in fields.getlist("axis") for part in text.split(",") if part.strip()]


def _column(text: str, words: str, *, of_metrics: bool = False) -> Column:
    found = read_column(text)
    if found is None or (of_metrics and found.entity != "metrics"):
        known = "metrics.NAME" if of_metrics else "metrics.NAME, params.NAME or tags.NAME"
        raise InvalidParameter(f"'{words}' must be {known}, not '{text[:100]}'.")
    if found.reduction or found.entity == "attributes":
        raise InvalidParameter(f"'{words}' cannot be '{text[:100]}' in a chart.")
    return found
