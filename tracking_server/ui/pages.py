"""Pages rendered on the server: readable without a script, in both colour schemes."""

from __future__ import annotations

from starlette.routing import BaseRoute

from tracking_server.api.routing import Services


def routes(services: Services) -> list[BaseRoute]:
    """The pages as routes."""
    return []
