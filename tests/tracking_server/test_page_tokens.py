"""Page tokens come back from clients: whatever they did to one, the server answers or refuses, and never fails."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

NASTY: list[Any] = [True, None, "", "x", "\x00", [], {}, 0, -1, 1.5, 2**63, -(2**63) - 1, 10**400, 1e308]

SEARCHES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "runs": ("POST", "runs/search", {"experiment_ids": ["0"]}),
    "runs by metric": (
        "POST",
        "runs/search",
        {"experiment_ids": ["0"], "order_by": ["metrics.m", "params.p"]},
    ),
    "experiments": ("POST", "experiments/search", {}),
    "experiments by tag": ("POST", "experiments/search", {"order_by": ["tags.t DESC", "creation_time"]}),
    "history": ("GET", "metrics/get-history", {"metric_key": "m"}),
    "logged models": ("POST", "logged-models/search", {"experiment_ids": ["0"]}),
    "logged models by metric": (
        "POST",
        "logged-models/search",
        {"experiment_ids": ["0"], "order_by": [{"field_name": "metrics.m"}]},
    ),
    "registered models": ("GET", "registered-models/search", {}),
    "model versions": ("GET", "model-versions/search", {}),
    "webhooks": ("GET", "webhooks", {}),
}


@pytest.fixture
def ask(api: Any) -> Callable[..., Any]:
    """Asks one of SEARCHES for a page of one, in a store that has three of everything."""
    for number in range(3):
        api.experiment(f"e{number}", tags=[{"key": "t", "value": "x"}])
        run_id = api.run()
        points = [{"key": "m", "value": step, "timestamp": 1, "step": step} for step in range(3)]
        api.post("runs/log-batch", run_id=run_id, metrics=points, params=[{"key": "p", "value": "x"}])
        api.post("logged-models", experiment_id="0", name="m")
        api.post("registered-models/create", name=f"r{number}")
        api.post("model-versions/create", name="r0", source=f"runs:/{run_id}/m", run_id=run_id)
        events = [{"entity": "REGISTERED_MODEL", "action": "CREATED"}]
        api.post("webhooks", name=f"w{number}", url="https://1.1.1.1/", events=events)

    def asked(search: str, token: str) -> Any:
        method, path, fields = SEARCHES[search]
        fields = {**fields, "max_results": 1, "page_token": token}
        if search == "history":
            fields["run_id"] = run_id
        if method == "GET":
            return api.http.get(f"/api/2.0/mlflow/{path}", params=fields)
        return api.http.post(f"/api/2.0/mlflow/{path}", json=fields)

    return asked


def forgeries(token: str) -> Iterator[str]:
    """The token with each part of its position, or all of it, replaced by each of NASTY."""
    fingerprint, position = json.loads(base64.urlsafe_b64decode(token))
    for nasty in NASTY:
        yield _token(fingerprint, nasty)
        for index in range(len(position)):
            forged = copy.copy(position)
            forged[index] = nasty
            yield _token(fingerprint, forged)
    yield _token(fingerprint, [*position, 1])
    yield _token(fingerprint, position[:-1])


def _token(fingerprint: str, position: object) -> str:
    return base64.urlsafe_b64encode(json.dumps([fingerprint, position]).encode()).decode()


@pytest.mark.parametrize("search", SEARCHES)
def test_a_forged_token_is_a_page_or_a_bad_request(ask: Callable[..., Any], search: str) -> None:
    first = ask(search, "")
    assert first.status_code == 200, first.text
    token = first.json()["next_page_token"]
    assert ask(search, token).status_code == 200

    for forged in forgeries(token):
        reply = ask(search, forged)
        assert reply.status_code in (200, 400), (base64.urlsafe_b64decode(forged), reply.text)
