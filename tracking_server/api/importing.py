"""The endpoint that `runner import --to http://…` sends what it reads to. MLflow has none like it."""

from __future__ import annotations

import msgspec

from tracking_server.api.routing import Endpoint, Rpc
from tracking_server.importing.absorb import absorb
from tracking_server.importing.records import Record, Reply
from tracking_server.services import Services


class Import(msgspec.Struct):
    """runner/import: records in the order in which they are to be stored, all of them or none."""

    records: list[Record] = []


async def take(services: Services, request: Import) -> Reply:
    """Store the records in one transaction; sending them again changes nothing."""
    root = services.settings.experiment_root
    return await services.database.write(lambda c: absorb(c, request.records, artifact_root=root))


ENDPOINTS: list[Endpoint] = [Rpc(method="POST", path="/runner/import", request=Import, handle=take)]
