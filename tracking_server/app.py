"""Where everything meets: settings become an ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from tracking_server.api import (
    artifacts,
    datasets,
    experiments,
    importing,
    logged_models,
    metrics,
    model_history,
    model_versions,
    openapi,
    registered_models,
    run_data,
    runs,
    server_info,
    server_metrics,
    webhooks,
)
from tracking_server.api.routing import ENDPOINT_KEY, ApiRouter, Endpoint, error_reply
from tracking_server.artifacts.places import Places
from tracking_server.artifacts.sweeper import keep_swept
from tracking_server.errors import EndpointNotFound, MethodNotAllowed
from tracking_server.guard.access_log import AccessLog
from tracking_server.guard.activity import Activity
from tracking_server.guard.door import Guard
from tracking_server.guard.hosts import AllowedHosts
from tracking_server.guard.keyring import Keyring
from tracking_server.guard.origins import AllowedOrigins
from tracking_server.readiness import Readiness
from tracking_server.services import Services
from tracking_server.settings import Settings
from tracking_server.store.engine import Database
from tracking_server.store.reaper import Reaper
from tracking_server.traffic import Traffic
from tracking_server.ui import routes as pages
from tracking_server.webhooks.delivery import Deliverer
from tracking_server.webhooks.sender import Sender
from tracking_server.webhooks.targets import AllowedTargets, trust

ENDPOINTS: list[Endpoint] = [
    *server_info.ENDPOINTS,
    *server_metrics.ENDPOINTS,
    openapi.endpoint(lambda: ENDPOINTS),
    *experiments.ENDPOINTS,
    *runs.ENDPOINTS,
    *run_data.ENDPOINTS,
    *model_history.ENDPOINTS,
    *datasets.ENDPOINTS,
    *metrics.ENDPOINTS,
    *artifacts.ENDPOINTS,
    *logged_models.ENDPOINTS,
    *registered_models.ENDPOINTS,
    *model_versions.ENDPOINTS,
    *webhooks.ENDPOINTS,
    *importing.ENDPOINTS,
]
"""Every endpoint of the API."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """A server ready to be run: `asgi` does the work, the rest is what its life depends on."""

    asgi: ASGIApp
    activity: Activity
    traffic: Traffic
    reaper: Reaper
    database: Database
    places: Places
    log: AccessLog | None

    def close(self) -> None:
        """Let go of files and connections. Harmless when done already."""
        self.database.close()
        if self.log is not None:
            self.log.close()


async def _not_found(request: Request, error: Exception) -> Response:
    """What the router itself refuses, in the same words as the API."""
    if isinstance(error, HTTPException) and error.status_code == 405:
        return error_reply(MethodNotAllowed(f"{request.url.path[:300]} does not answer {request.method}"))
    return error_reply(EndpointNotFound(f"There is no endpoint {request.url.path[:300]}"))


def build(settings: Settings) -> Application:
    """Put a server together. Raises StartRefused; the database is opened when the application starts."""
    database = Database(settings)
    places = Places(settings)
    traffic = Traffic()
    deliverer = Deliverer(database, _sender(settings))
    services = Services(
        settings=settings,
        database=database,
        places=places,
        traffic=traffic,
        readiness=Readiness(database),
        webhooks=deliverer,
    )
    reaper = Reaper(database, every_s=settings.reap_every_s, lost_s=settings.heartbeat_lost_s)
    activity = Activity()
    log = None if settings.access_log is None else AccessLog(settings.access_log)
    api = ApiRouter(services, ENDPOINTS)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        database.open()
        watching = [
            asyncio.create_task(reaper.watch()),
            asyncio.create_task(deliverer.watch()),
            asyncio.create_task(keep_swept(places)),
        ]
        try:
            yield
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)
            await asyncio.to_thread(database.close)

    site = Starlette(
        routes=[*pages.routes(services), Mount("/", app=api)],
        exception_handlers={HTTPException: _not_found},
        lifespan=lifespan,
    )
    guard = Guard(
        app=_calls_before_pages(api, site),
        keyring=Keyring(
            database,
            own=[token for token in (settings.token, settings.local_token) if token is not None],
            demanded=settings.demand_token or settings.token is not None,
            insecure=settings.insecure_no_auth,
        ),
        hosts=AllowedHosts(_own_names(settings)),
        origins=AllowedOrigins(settings.allowed_origins),
        reads=lambda method, path: api.is_reading(method, path) or pages.changes_nothing(path),
        open_paths=api.open_paths,
        activity=activity,
        traffic=traffic,
        log=log,
    )
    return Application(
        asgi=guard,
        activity=activity,
        traffic=traffic,
        reaper=reaper,
        database=database,
        places=places,
        log=log,
    )


def _sender(settings: Settings) -> Sender:
    """What reaches webhooks. Raises StartRefused."""
    ca_file = settings.webhook_ca_file
    return Sender(
        allowed=AllowedTargets(settings.webhook_allowed_hosts),
        # Reading the system's certificates takes a while: without a file of one's own, only when needed.
        context=None if ca_file is None else trust(ca_file),
    )


_CALLS = ("/api/", "/ajax-api/", "/health", "/version", "/metrics")


def _calls_before_pages(api: ApiRouter, site: ASGIApp) -> ASGIApp:
    """Calls of clients go straight to their table; everything else to the site, which knows pages too."""

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(_CALLS):
            await api(scope, receive, send)
        else:
            scope[ENDPOINT_KEY] = "page"
            await site(scope, receive, send)

    return dispatch


def _own_names(settings: Settings) -> list[str]:
    """What this server may be called. A machine's own name is one that no stranger can have resolve to it."""
    own = [socket.gethostname()] if settings.demand_token else []
    return [settings.host, *own, *settings.allowed_hosts]
