"""What a filter can be made of: the names that an experiment's runs have, and the values of one of them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from tracking_server.errors import InvalidParameter
from tracking_server.query.vocabulary import RUNS
from tracking_server.services import Services
from tracking_server.store import experiments, run_keys
from tracking_server.ui.frame import json_reply
from tracking_server.ui.runs.columns import quoted

MOST_VALUES = 200
_PLAIN = re.compile(r"[^\W](?:[\w.\-/]*\w)?")


async def names(services: Services, request: Request) -> Response:
    """Everything that can be compared, as the search language writes it."""
    experiment_id = str(request.path_params["experiment_id"])

    def look(connection: Connection) -> dict[str, list[str]]:
        row = int(experiments.get(connection, experiment_id).experiment_id)
        return {
            "attributes": list(RUNS.attributes),
            "metrics": _written("metrics", run_keys.metrics_of(connection, row)),
            "params": _written("params", run_keys.params_of(connection, row)),
            "tags": _written("tags", run_keys.tags_of(connection, row)),
        }

    return json_reply(request, await services.database.read(look))


async def values(services: Services, request: Request) -> Response:
    """The first values of one parameter or tag, `?of=params.optimizer`."""
    experiment_id = str(request.path_params["experiment_id"])
    entity, _, key = request.query_params.get("of", "").partition(".")
    if key.startswith("`") and key.endswith("`"):
        key = key[1:-1].replace("``", "`")
    if entity not in ("params", "tags") or not key:
        raise InvalidParameter("Ask for the values of a parameter or a tag: ?of=params.optimizer")
    of = run_keys.values_of_param if entity == "params" else run_keys.values_of_tag

    def look(connection: Connection) -> list[str]:
        row = int(experiments.get(connection, experiment_id).experiment_id)
        return of(connection, row, key, MOST_VALUES)

    return json_reply(request, await services.database.read(look))


def _written(entity: str, keys: Iterable[str]) -> list[str]:
    return [f"{entity}.{key if _PLAIN.fullmatch(key) else quoted(key)}" for key in keys]
