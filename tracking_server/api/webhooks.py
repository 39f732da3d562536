"""Endpoints of webhooks."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from tracking_server.api.codec import Int64, required
from tracking_server.api.routing import Endpoint, Rpc
from tracking_server.api.search_reply import search_reply
from tracking_server.errors import InvalidParameter
from tracking_server.services import Services
from tracking_server.store import webhooks
from tracking_server.store.file_rights import keep_from_others
from tracking_server.store.webhooks import STATUSES, Changes
from tracking_server.webhooks.events import EventKind, kind_of

MAX_PER_PAGE = 1000
DEFAULT_PER_PAGE = 100
MAX_DESCRIPTION_LENGTH = 5000
MAX_SECRET_LENGTH = 1000

_NAME = re.compile(r"(?=.{1,63}$)[a-z0-9]([a-z0-9._-]*[a-z0-9])?", re.IGNORECASE | re.ASCII)


class EventIn(msgspec.Struct):
    """An event, as clients name it."""

    entity: str | int | None = None
    action: str | int | None = None


class Create(msgspec.Struct):
    """webhooks, POST"""

    name: str | None = None
    description: str | None = None
    url: str | None = None
    events: list[EventIn] | None = None
    # Of any kind, since a complaint about its kind would quote it.
    secret: Any = None
    status: str | int | None = None


class Listing(msgspec.Struct):
    """webhooks, GET"""

    max_results: Int64 = 0
    page_token: str = ""


class ById(msgspec.Struct):
    """webhooks/{webhook_id}, GET and DELETE"""

    webhook_id: str = ""


class Update(msgspec.Struct):
    """webhooks/{webhook_id}, PATCH"""

    webhook_id: str = ""
    name: str | None = None
    description: str | None = None
    url: str | None = None
    events: list[EventIn] | None = None
    secret: Any = None
    status: str | int | None = None


class Test(msgspec.Struct):
    """webhooks/{webhook_id}/test"""

    webhook_id: str = ""
    event: EventIn | None = None


def _name(name: str | None) -> str:
    found = str(required(name, "name"))
    if _NAME.fullmatch(found) is None:
        raise InvalidParameter(
            f"Webhook name {found[:100]!r} is invalid. It must start and end with a letter or digit, be less "
            "than 63 characters long, and contain only letters, digits, dots (.), underscores (_), and "
            "hyphens (-)."
        )
    return found


def _description(description: str | None) -> str | None:
    if description is not None and len(description) > MAX_DESCRIPTION_LENGTH:
        raise InvalidParameter(
            f"'description' exceeds the maximum length of {MAX_DESCRIPTION_LENGTH} characters"
        )
    return description


def _secret(secret: object) -> str | None:
    if secret is None:
        return None
    if not isinstance(secret, str):
        raise InvalidParameter("Invalid value for parameter 'secret' supplied: it must be a string.")
    if len(secret) > MAX_SECRET_LENGTH:
        raise InvalidParameter(f"'secret' exceeds the maximum length of {MAX_SECRET_LENGTH} characters")
    return secret


def _status(status: str | int | None) -> str | None:
    if status is None or status == "":
        return None
    found = {"1": STATUSES[0], "2": STATUSES[1]}.get(str(status), str(status))
    if found not in STATUSES:
        raise InvalidParameter(
            f"Invalid value {found[:100]!r} for parameter 'status' supplied. Known: {', '.join(STATUSES)}"
        )
    return found


def _kinds(events: list[EventIn]) -> list[tuple[str, str]]:
    kinds = [kind_of(event.entity, event.action) for event in events]
    return [(kind.entity, kind.action) for kind in kinds]


async def create(services: Services, request: Create) -> object:
    """Make a webhook."""
    name, url = _name(request.name), str(required(request.url, "url"))
    events = _kinds(required(request.events, "events"))
    if not events:
        raise InvalidParameter("Webhook events must be a non-empty list of WebhookEvent objects: [].")
    wanted = Changes(
        name=name,
        description=_description(request.description),
        url=url,
        events=events,
        status=_status(request.status),
        secret=_secret(request.secret),
    )
    await services.webhooks.sender.check(url)
    if wanted.secret:
        keep_from_others(services.settings.sqlite_path)
    return {"webhook": await services.database.write(lambda connection: webhooks.create(connection, wanted))}


async def listing(services: Services, request: Listing) -> object:
    """The webhooks, the newest first, in pages."""
    most = request.max_results or DEFAULT_PER_PAGE
    if not 1 <= most <= MAX_PER_PAGE:
        raise InvalidParameter(f"max_results must be between 1 and {MAX_PER_PAGE}.")
    page = await services.database.read(
        lambda connection: webhooks.page(connection, max_results=most, token=request.page_token)
    )
    return search_reply("webhooks", page)


async def get(services: Services, request: ById) -> object:
    """One webhook, without its secret."""
    webhook = await services.database.read(lambda connection: webhooks.get(connection, request.webhook_id))
    return {"webhook": webhook}


async def update(services: Services, request: Update) -> object:
    """Change a webhook; an empty secret removes it, and disabling drops what was still to be delivered."""
    wanted = Changes(
        name=_name(request.name) if request.name else None,
        description=_description(request.description),
        url=request.url or None,
        events=_kinds(request.events) if request.events else None,
        status=_status(request.status),
        secret=_secret(request.secret),
    )
    if wanted.url is not None:
        await services.webhooks.sender.check(wanted.url)
    if wanted.secret:
        keep_from_others(services.settings.sqlite_path)
    changed = await services.database.write(
        lambda connection: webhooks.change(connection, request.webhook_id, wanted)
    )
    return {"webhook": changed}


async def delete(services: Services, request: ById) -> object:
    """Delete a webhook with its secret and what was still to be delivered."""
    await services.database.write(lambda connection: webhooks.remove(connection, request.webhook_id))
    return {}


async def test(services: Services, request: Test) -> object:
    """Send an example of an event now, once, and tell what came back."""
    event = request.event
    kind = None if event is None else kind_of(event.entity, event.action)
    contact = await services.database.read(
        lambda connection: webhooks.contact(connection, request.webhook_id)
    )
    if kind is None:
        entity, action = contact.events[0]
        kind = EventKind(entity=entity, action=action)
    return {"result": await services.webhooks.test(contact, kind)}


_WEBHOOKS = "/mlflow/webhooks"


def _rpc(method: str, path: str, request: type[Any], handle: Any) -> Rpc[Any]:
    return Rpc(method=method, path=_WEBHOOKS + path, request=request, handle=handle)


ENDPOINTS: list[Endpoint] = [
    _rpc("POST", "", Create, create),
    _rpc("GET", "", Listing, listing),
    _rpc("GET", "/{webhook_id}", ById, get),
    _rpc("PATCH", "/{webhook_id}", Update, update),
    _rpc("DELETE", "/{webhook_id}", ById, delete),
    _rpc("POST", "/{webhook_id}/test", Test, test),
]
