"""What pages and clients ask a tracking server for, one request of each kind."""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from population import BIG, EXPERIMENTS, run_uuid

V2 = "/api/2.0/mlflow"
PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A request: what it is, and how it is sent the n-th time."""

    name: str
    ask: Callable[[int], Any]


SEARCHES: dict[str, dict[str, Any]] = {
    "newest": {},
    "metric >": {"filter": "metrics.loss > 0.5"},
    "metric >, rare": {"filter": "metrics.loss > 0.9995"},
    "metric >, none": {"filter": "metrics.loss > 7"},
    "param =": {"filter": "params.optimizer = 'adam'"},
    "param =, rare": {"filter": "params.note = 'trial 77 of the search'"},
    "param =, none": {"filter": "params.optimizer = 'nadam'"},
    "param !=": {"filter": "params.optimizer != 'adam'"},
    "tag =": {"filter": "tags.team = 'vision'"},
    "tag =, none": {"filter": "tags.team = 'nobody'"},
    "param LIKE prefix": {"filter": "params.data LIKE 's3://data/2023-11%'"},
    "param LIKE infix": {"filter": "params.note LIKE '%7 of%'"},
    "param LIKE infix, none": {"filter": "params.note LIKE '%no such%'"},
    "tag ILIKE": {"filter": "tags.team ILIKE 'VIS%'"},
    "metric and param and tag": {
        "filter": "metrics.loss < 0.8 and params.optimizer = 'adam' and tags.team != 'ads'"
    },
    "OR, NOT": {"filter": "(params.optimizer = 'sgd' OR metrics.f1 > 0.8) AND NOT tags.team = 'ads'"},
    "OR of rare": {"filter": "params.note = 'trial 77 of the search' OR metrics.loss > 0.9999"},
    "status =": {"filter": "status = 'FAILED'"},
    "run_name =": {"filter": "run_name = 'wise-owl-7'"},
    "user_id =": {"filter": "user_id = 'ann'"},
    "start_time <": {"filter": "start_time < 1700010000000"},
    "by metric ASC": {"order_by": ["metrics.loss ASC"]},
    "by metric DESC": {"order_by": ["metrics.loss DESC"]},
    "by metric with ties ASC": {"order_by": ["metrics.accuracy ASC"]},
    "by metric with ties DESC": {"order_by": ["metrics.accuracy DESC"]},
    "by metric, metric >": {"order_by": ["metrics.loss ASC"], "filter": "metrics.loss > 0.7"},
    "by metric, param =": {"order_by": ["metrics.loss ASC"], "filter": "params.optimizer = 'adam'"},
    "by metric, rare param": {"order_by": ["metrics.loss"], "filter": "params.lr = '0.00123'"},
    "by param, few values ASC": {"order_by": ["params.optimizer ASC"]},
    "by param, few values DESC": {"order_by": ["params.optimizer DESC"]},
    "by param, many values": {"order_by": ["params.momentum ASC"]},
    "by tag": {"order_by": ["tags.`mlflow.user` ASC"]},
    "by start_time ASC": {"order_by": ["start_time ASC"]},
    "by end_time DESC": {"order_by": ["end_time DESC"]},
    "by run_name": {"order_by": ["run_name ASC"]},
    "by status": {"order_by": ["status ASC"]},
    "by user_id": {"order_by": ["user_id DESC"]},
    "by metric, then start_time": {"order_by": ["metrics.loss ASC", "start_time ASC"]},
    "newest of all experiments": {"experiment_ids": [str(n) for n in range(1, EXPERIMENTS + 1)]},
    "best of all experiments": {
        "experiment_ids": [str(n) for n in range(1, EXPERIMENTS + 1)],
        "order_by": ["metrics.loss ASC"],
    },
    "deleted": {"run_view_type": "DELETED_ONLY"},
    "all, deleted too": {"run_view_type": "ALL"},
}
"""Searches of runs, each of a page of 50."""

SCANS = frozenset({"runs/search, param LIKE infix, none"})
"""What cannot be flat: docs/explanation/speed-of-the-store.md says why."""


class Pages:
    """The requests to one server over one connection."""

    def __init__(self, address: tuple[str, int], *, runs: int) -> None:
        self._connection = http.client.HTTPConnection(*address, timeout=60)
        self._runs = runs

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def all(self) -> Iterator[Page]:
        """Every request, ready to be sent."""
        for name, search in SEARCHES.items():
            yield self._search(f"runs/search, {name}", **search)
        for name, order in (("newest", []), ("by metric ASC", ["metrics.loss ASC"])):
            token = self._token(order, pages=99 if self._runs >= 20_000 else 4)
            yield self._search(f"runs/search, {name}, a page far on", order_by=order, page_token=token)
        yield Page(name="runs/get", ask=lambda turn: self._get("runs/get", run_id=run_uuid(turn * 7 % 1000)))
        yield Page(name="experiments/search", ask=lambda _: self._post("experiments/search", max_results=100))
        yield from self._histories()
        yield Page(
            name="logged-models/search",
            ask=lambda _: self._post("logged-models/search", experiment_ids=[str(BIG + 1)], max_results=50),
        )
        yield Page(
            name="logged-models/search, of a run",
            ask=lambda turn: self._post(
                "logged-models/search",
                experiment_ids=[str(BIG + 1)],
                filter=f"source_run_id = '{run_uuid(turn % 20 * 40)}'",
            ),
        )
        yield Page(
            name="logged-models/search, by name",
            ask=lambda _: self._post(
                "logged-models/search",
                experiment_ids=[str(BIG + 1)],
                filter="name = 'model-0'",
                max_results=50,
            ),
        )
        yield Page(
            name="registered-models/search",
            ask=lambda _: self._get("registered-models/search", max_results=100),
        )
        yield Page(
            name="model-versions/search",
            ask=lambda _: self._get("model-versions/search", filter="name = 'model-100'", max_results=100),
        )

    def _histories(self) -> Iterator[Page]:
        about = {"run_id": run_uuid(0), "metric_key": "val_loss"}
        yield Page(
            name="get-history, 25,000 points",
            ask=lambda _: self._get("metrics/get-history", **about, max_results=25_000),
        )
        yield Page(
            name="get-history, 100,000 points", ask=lambda _: self._get("metrics/get-history", **about)
        )
        for name, metric in (("1 x 100,000 points", "val_loss"), ("20 x 20 points", "loss")):
            runs = [run_uuid(n * 50) for n in range(1 if metric == "val_loss" else 20)]
            yield Page(
                name=f"get-history-bulk-interval, {name}",
                ask=lambda _, runs=runs, metric=metric: self._get(  # type: ignore[misc]  # bound now
                    "metrics/get-history-bulk-interval", run_ids=runs, metric_key=metric, max_results=320
                ),
            )

    def _search(self, name: str, **search: Any) -> Page:
        body = {"experiment_ids": [str(BIG)], "max_results": PAGE, **search}
        return Page(name=name, ask=lambda _: self._post("runs/search", **body))

    def _token(self, order_by: list[str], pages: int) -> str:
        token = ""
        for _ in range(pages):
            reply = self._post(
                "runs/search",
                experiment_ids=[str(BIG)],
                max_results=PAGE,
                order_by=order_by,
                page_token=token,
            )
            token = json.loads(reply)["next_page_token"]
        return token

    def _post(self, path: str, **body: Any) -> bytes:
        self._connection.request(
            "POST", f"{V2}/{path}", json.dumps(body), {"Content-Type": "application/json"}
        )
        return self._answer(path)

    def _get(self, path: str, **query: Any) -> bytes:
        self._connection.request("GET", f"{V2}/{path}?{urlencode(query, doseq=True)}")
        return self._answer(path)

    def _answer(self, path: str) -> bytes:
        reply = self._connection.getresponse()
        content = reply.read()
        if reply.status != 200:
            sys.exit(f"{path} answered {reply.status}: {content[:1000].decode(errors='replace')}")
        return content
