"""Every page with strange words in its address and in each field of its query, on every database."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from tests.tracking_server import strange_runs
from tests.tracking_server.strange_runs import HUGE, WORDS, address_of, ask
from tracking_server.ui.routes import PAGES

_TABLE = (
    "view",
    "group",
    "column",
    "filter",
    "order",
    "colour",
    "flat",
    "open",
    "pin",
    "select",
    "page_token",
)
_LINES = ("x", "smooth", "log", "outliers", "from", "to", "search")
_COMPARED = (
    "baseline",
    "show",
    "search",
    "open",
    "patch",
    "params_from",
    "metrics_from",
    "remove",
    "show_patch",
)
_ARTIFACTS = ("path", "find", "after", "wrap", "source")
_SWEEP = ("objective", "goal", "x", "y", "sort", "page", "state", "low", "high", "min.p", "max.p", "is.p")
FIELDS_OF: dict[str, tuple[str, ...]] = {
    "/": ("search", "view", "order", "page_token"),
    "/experiments/{experiment_id}": _TABLE,
    "/experiments/{experiment_id}/charts": (*_LINES, *_TABLE, "chart", "run", "runs", "step", "add", "add_y"),
    "/experiments/{experiment_id}/columns": (*_TABLE, "search"),
    "/experiments/{experiment_id}/runs.csv": _TABLE,
    "/experiments/{experiment_id}/runs.json": _TABLE,
    "/experiments/{experiment_id}/values": ("of",),
    "/experiments/{experiment_id}/models": ("filter", "page_token"),
    "/runs/{run_id}": ("search", "all"),
    "/runs/{run_id}/artifacts": _ARTIFACTS,
    "/runs/{run_id}/artifacts/raw": ("path",),
    "/runs/{run_id}/log": ("path",),
    "/runs/{run_id}/log/tail": ("path", "after", "style"),
    "/runs/{run_id}/charts": _LINES,
    "/runs/{run_id}/sweep": _SWEEP,
    "/runs/{run_id}/sweep/trials": _SWEEP,
    "/logged-models/{model_id}/artifacts": _ARTIFACTS,
    "/logged-models/{model_id}/artifacts/raw": ("path",),
    "/models": ("search", "order", "page_token"),
    "/models/{name}": ("page_token",),
    "/compare": (*_COMPARED, "run"),
    "/compare.csv": (*_COMPARED, "run"),
    "/compare.json": (*_COMPARED, "run"),
    "/series": ("run", "metric", "points", "x", "from", "to"),
}
WORDS_OF_FIELDS = ("a\0\u202e😀'\"`<", HUGE, "9223372036854775808")
"""Those that break most, for every field there is."""


def test_no_address_breaks_a_page(api: Any) -> None:
    strange = strange_runs.stored(api)
    first = {key: known[0] for key, known in strange.items()}
    for pattern in PAGES:
        for name in re.findall(r"{(\w+)}", pattern):
            for value in filter(None, [*strange[name], *WORDS]):
                ask(api, "GET", address_of(pattern, {**first, name: value}))


def test_no_word_in_a_field_breaks_a_page(api: Any) -> None:
    strange = strange_runs.stored(api)
    ids = {key: known[-1] for key, known in strange.items()} | {"experiment_id": strange["experiment_id"][1]}
    ids["run_id"] = strange["run_id"][0]
    for pattern, names in FIELDS_OF.items():
        some = (
            [("run", run) for run in strange["run_id"]] if pattern.startswith(("/compare", "/series")) else []
        )
        some += [("metric", "m")] if pattern == "/series" else []
        for name in names:
            for word in WORDS_OF_FIELDS:
                query = [(name, word), *(pair for pair in some if pair[0] != name)]
                ask(api, "GET", f"{address_of(pattern, ids)}?{urlencode(query)}")
