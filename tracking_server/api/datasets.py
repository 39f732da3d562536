"""The endpoint that lists the datasets of experiments, for the page that filters by them."""

from __future__ import annotations

import msgspec

from tracking_server.api.routing import Endpoint, Rpc
from tracking_server.errors import InvalidParameter
from tracking_server.services import Services
from tracking_server.store import datasets

MAX_EXPERIMENTS = 20


class SearchDatasets(msgspec.Struct):
    """experiments/search-datasets"""

    experiment_ids: list[str | int] = []


async def find(services: Services, request: SearchDatasets) -> object:
    """The datasets that runs of some experiments have read."""
    ids = [str(experiment_id) for experiment_id in request.experiment_ids]
    if not ids:
        raise InvalidParameter("SearchDatasets request must specify at least one experiment_id.")
    if len(ids) > MAX_EXPERIMENTS:
        raise InvalidParameter(
            f"SearchDatasets request cannot specify more than {MAX_EXPERIMENTS} experiment_ids. Received "
            f"{len(ids)} experiment_ids."
        )
    found = await services.database.read(lambda connection: datasets.summaries(connection, ids))
    return {"dataset_summaries": found} if found else {}


ENDPOINTS: list[Endpoint] = [
    Rpc(
        method="POST",
        path="/mlflow/experiments/search-datasets",
        request=SearchDatasets,
        handle=find,
        reads=True,
    ),
    # Without its slash, as MLflow's own table has it, and so its clients.
    Rpc(
        method="POST",
        path="mlflow/experiments/search-datasets",
        request=SearchDatasets,
        handle=find,
        reads=True,
    ),
]
