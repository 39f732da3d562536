"""What endpoints and pages work with; put together by `app`."""

from __future__ import annotations

from dataclasses import dataclass

from tracking_server.artifacts.places import Places
from tracking_server.readiness import Readiness
from tracking_server.settings import Settings
from tracking_server.store.engine import Database
from tracking_server.traffic import Traffic
from tracking_server.webhooks.delivery import Deliverer


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The parts of one server. Safe to share between requests."""

    settings: Settings
    database: Database
    places: Places
    traffic: Traffic
    readiness: Readiness
    webhooks: Deliverer
