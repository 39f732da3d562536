"""Every endpoint, called with what the OpenAPI document allows and with what it forbids: no reply is a 500.

Deterministic: the same requests each time. Half of the identifiers are replaced by ones that exist, so that
calls get further than "not found".
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterable
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

EXAMPLES = int(os.environ.get("RUNNER_FUZZ_EXAMPLES", "12"))
"""Per operation and mode; with twelve, the whole takes a minute on two cores."""

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]
# Statuses that say something else than "the server is broken".
HONEST = {"INVALID_STATE", "NOT_IMPLEMENTED"}


@pytest.fixture
def known(populated: Any) -> dict[str, Any]:
    """Values of fields that name something which is there."""
    run, experiment, model = populated.run_id, populated.experiment_id, populated.model_id
    return {
        "run_id": run,
        "run_uuid": run,
        "run_ids": [run],
        "source_run_id": run,
        "experiment_id": experiment,
        "experiment_ids": [experiment],
        "experiment_name": "fuzzed",
        "model_id": model,
        "metric_key": "loss",
        "key": "loss",
        "name": "registered",
        "alias": "best",
        "version": "1",
        "path": "model/MLmodel",
        "filter": "",
        "order_by": [],
        "page_token": "",
    }


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_no_request_of_the_document_breaks_the_server(
    populated: Any, known: dict[str, Any], mode: GenerationMode
) -> None:
    server = populated.server
    document = server.http.get("/openapi.json").json()
    broken: dict[str, str] = {}
    answered: set[int] = set()

    for operation in operations(document):
        try:
            call_often(operation, mode, server.http, known, answered)
        except Unsatisfiable:  # it takes nothing that could be wrong
            continue
        except Exception as error:  # noqa: BLE001  # every operation is tried, and all are told of together
            broken[operation.label] = f"{type(error).__name__}: {error}"[:1500]

    assert not broken, "\n\n".join(f"{label}\n{why}" for label, why in broken.items())
    assert {200, 400, 404} <= answered
    assert server.http.get("/health").text == "OK"
    assert "Traceback" not in server.log.read_text()


def operations(document: dict[str, Any]) -> list[Any]:
    """Each operation under one of its prefixes, those last that take away what the others need."""
    results: Iterable[Any] = schemathesis.openapi.from_dict(document).get_all_operations()
    found = [result.ok() for result in results]
    once = [
        operation
        for operation in found
        if "/ajax-api/" not in operation.path
        or operation.path.replace("/ajax-api/", "/api/") not in document["paths"]
    ]
    return sorted(once, key=lambda operation: "delete" in operation.label.lower())


def call_often(
    operation: Any, mode: GenerationMode, http: Any, known: dict[str, Any], answered: set[int]
) -> None:
    """Call one operation with many made-up requests. Raises what a check of a reply raises."""
    chance = random.Random(operation.label)

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def one(case: Any) -> None:
        make_real(case, known, chance)
        reply = case.call(base_url=str(http.base_url), headers=dict(http.headers), timeout=20)
        answered.add(reply.status_code)
        if reply.status_code < 500 or reply.json().get("error_code") not in HONEST:
            case.validate_response(reply, checks=CHECKS)

    one()


def make_real(case: Any, known: dict[str, Any], chance: random.Random) -> None:
    """Put identifiers that exist in the place of about half of the made-up ones."""
    for part in (case.body, case.query, case.path_parameters):
        if not isinstance(part, dict):
            continue
        for field in known.keys() & part.keys():
            if chance.random() < 0.5:
                part[field] = known[field]
