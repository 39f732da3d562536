"""Webhooks: made, changed, listed, deleted, refused. None of them is ever called."""

from __future__ import annotations

from typing import Any

from tests.replay.record import Speaker

EVENT = {"entity": "MODEL_VERSION", "action": "CREATED"}
URL = "https://1.1.1.1/hook"


def conversation(server: Speaker) -> None:
    def make(say: str = "", /, **body: Any) -> Any:
        return server.post("webhooks", {"name": "hook", "url": URL, "events": [EVENT], **body}, say=say)

    made = make()
    full = make(
        "everything",
        name="full",
        description="words",
        secret="s3cret",
        status="DISABLED",
        events=[EVENT, {"entity": "REGISTERED_MODEL", "action": "CREATED"}],
    )
    make("the same name")
    for name in ("", "a b", "-a", "a-", "a" * 63, "a" * 64, "é", "a/b", "a_b.c"):
        make("name", name=name)
    for url in (
        "",
        "x",
        "ftp://example.com/x",
        "http://1.1.1.1/x",
        "https://",
        "https://127.0.0.1/x",
        "https://localhost/x",
        "https://10.0.0.1/x",
        "https://[::1]/x",
    ):
        make("url", name="url", url=url)
    make("no events", name="none", events=[])
    make("no such entity", name="x", events=[{"entity": "NOTHING", "action": "CREATED"}])
    make("no such action", name="x", events=[{"entity": "MODEL_VERSION", "action": "EXPLODED"}])
    make("not this action of that", name="x", events=[{"entity": "REGISTERED_MODEL", "action": "UPDATED"}])
    for entity, action in (
        ("MODEL_VERSION_TAG", "SET"),
        ("MODEL_VERSION_TAG", "DELETED"),
        ("MODEL_VERSION_ALIAS", "CREATED"),
        ("MODEL_VERSION_ALIAS", "DELETED"),
    ):
        make("event", name=f"{entity}.{action}", events=[{"entity": entity, "action": action}])
    server.post("webhooks", {"url": URL, "events": [EVENT]}, say="no name")
    server.post("webhooks", {"name": "x", "events": [EVENT]}, say="no url")
    server.post("webhooks", {"name": "x", "url": URL}, say="no events")
    identity = made["webhook"]["webhook_id"]
    other = full["webhook"]["webhook_id"]
    server.get(f"webhooks/{identity}")
    server.get(f"webhooks/{other}")
    server.get("webhooks/nothing")

    def change(say: str = "", /, **body: Any) -> None:
        server.call("PATCH", f"webhooks/{identity}", body, say=say)

    change(description="new words")
    change(status="DISABLED")
    change(name="renamed", url="https://1.0.0.1/x")
    change(events=[{"entity": "REGISTERED_MODEL", "action": "CREATED"}])
    change(secret="another")
    change("nothing")
    change("bad name", name="a b")
    change("bad url", url="http://1.1.1.1/x")
    change("no events", events=[])
    server.call("PATCH", "webhooks/nothing", {"description": "x"}, say="not there")
    server.get(f"webhooks/{identity}")
    page = server.get("webhooks", {"max_results": 2}, say="a page")
    server.get("webhooks", {"max_results": 2, "page_token": page["next_page_token"]}, say="the next page")
    server.get("webhooks", say="all")
    server.get("webhooks", {"max_results": 0}, say="none")
    server.get("webhooks", {"max_results": -1}, say="negative")
    server.get("webhooks", {"max_results": 1001}, say="too many")
    server.get("webhooks", {"page_token": "nonsense"}, say="unknown token")
    server.post("webhooks/nothing/test", {}, say="not there")
    server.call("DELETE", f"webhooks/{identity}")
    server.get(f"webhooks/{identity}", say="deleted")
    server.call("DELETE", f"webhooks/{identity}", say="twice")
    make("an event twice", name="twice", events=[EVENT, EVENT])
    make("no such status", name="x", status="MAYBE")
    make("credentials", name="url", url="https://user:pw@1.1.1.1/x")
