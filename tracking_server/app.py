"""Where everything meets: settings become an ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from tracking_server.api import artifacts, experiments, logged_models, metrics, run_data, runs, server_info
from tracking_server.api.routing import ApiRouter, Endpoint, error_reply
from tracking_server.artifacts.places import Places
from tracking_server.errors import EndpointNotFound, MethodNotAllowed
from tracking_server.guard import Activity, Guard
from tracking_server.services import Services
from tracking_server.settings import Settings
from tracking_server.store.engine import Database
from tracking_server.store.reaper import Reaper
from tracking_server.ui import pages

ENDPOINTS: list[Endpoint] = [
    *server_info.ENDPOINTS,
    *experiments.ENDPOINTS,
    *runs.ENDPOINTS,
    *run_data.ENDPOINTS,
    *metrics.ENDPOINTS,
    *artifacts.ENDPOINTS,
    *logged_models.ENDPOINTS,
]
"""Every endpoint of the API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """A server ready to be run: `asgi` does the work, the rest is what its life depends on."""

    asgi: Starlette
    activity: Activity
    reaper: Reaper
    database: Database


async def _not_found(request: Request, error: Exception) -> Response:
    """What the router itself refuses, in the same words as the API."""
    if isinstance(error, HTTPException) and error.status_code == 405:
        return error_reply(MethodNotAllowed(f"{request.url.path[:300]} does not answer {request.method}"))
    return error_reply(EndpointNotFound(f"There is no endpoint {request.url.path[:300]}"))


def build(settings: Settings) -> Application:
    """Put a server together. Raises StartRefused; the database is opened when the application starts."""
    database = Database(settings)
    services = Services(settings=settings, database=database, places=Places(settings))
    reaper = Reaper(database, every_s=settings.reap_every_s, lost_s=settings.heartbeat_lost_s)
    activity = Activity()
    api = ApiRouter(services, ENDPOINTS)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        database.open()
        watching = asyncio.create_task(reaper.watch())
        try:
            yield
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
            await asyncio.to_thread(database.close)

    asgi = Starlette(
        routes=[
            Mount("/api", app=api),
            Mount("/ajax-api", app=api),
            Route("/health", endpoint=api),
            Route("/version", endpoint=api),
            Route("/get-artifact", endpoint=api),
            *pages.routes(services),
            Mount("/", app=api),
        ],
        middleware=[
            Middleware(
                Guard,
                token=settings.token,
                allowed_hosts=(settings.host, *settings.allowed_hosts),
                activity=activity,
            )
        ],
        exception_handlers={HTTPException: _not_found},
        lifespan=lifespan,
    )
    return Application(asgi=asgi, activity=activity, reaper=reaper, database=database)
