"""What every search answers: some of what was found, and how to ask for the rest."""

from __future__ import annotations

from typing import Any

from tracking_server.store.searching.paging import Page


def search_reply(what: str, page: Page[Any]) -> dict[str, object]:
    """`page` as MLflow sends it: its items under `what` and the next token, each only where there is one."""
    reply: dict[str, object] = {}
    if page.items:
        reply[what] = page.items
    if page.next_page_token:
        reply["next_page_token"] = page.next_page_token
    return reply
