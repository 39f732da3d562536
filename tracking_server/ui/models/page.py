"""All registered models."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from tracking_server.errors import InvalidParameter
from tracking_server.services import Services
from tracking_server.store.records import Tag
from tracking_server.store.registry.records import RegisteredModel
from tracking_server.store.searching import registry_search
from tracking_server.store.searching.paging import Page, SearchRequest
from tracking_server.ui.frame import page

PER_PAGE = 50
_ORDERS: Mapping[str, tuple[str, ...]] = {
    "": ("last_updated_timestamp DESC",),
    "name": ("name ASC",),
    "created": ("creation_timestamp DESC",),
}
_SYSTEM_TAGS = ("mlflow.", "runner.")
# What no name of a model is likely to hold, and every filter does.
_IS_FILTER = re.compile(r"[=<>]|\b(LIKE|ILIKE|IN|IS)\b")


async def show(services: Services, request: Request) -> Response:
    """The registered models whose names hold a text or that pass a filter, the last changed first."""
    query = request.query_params
    wanted = query.get("search", "").strip()
    order = query.get("order", "")
    asked = SearchRequest(
        filter=wanted if _IS_FILTER.search(wanted) else named(wanted),
        order_by=_ORDERS.get(order, _ORDERS[""]),
        max_results=PER_PAGE,
        page_token=query.get("page_token", ""),
    )
    problem = ""

    def look(connection: Connection) -> Page[RegisteredModel]:
        return registry_search.models(connection, asked)

    try:
        listed = await services.database.read(look)
    except InvalidParameter as error:
        problem, listed = str(error), Page(items=[])
    return page(
        request,
        "models.html",
        place="models",
        models=listed.items,
        tags={model.name: own_tags(model.tags) for model in listed.items},
        next_page_token=listed.next_page_token,
        search=wanted,
        order=order,
        problem=problem,
    )


def named(text: str) -> str:
    """The filter for names that hold `text`, whatever its case; "" for all."""
    quoted = text.replace("'", "''")
    return f"name ILIKE '%{quoted}%'" if text else ""


def own_tags(tags: tuple[Tag, ...]) -> list[Tag]:
    """The tags that people set, without those that programs keep for themselves."""
    return [tag for tag in tags if not tag.key.startswith(_SYSTEM_TAGS)]
