"""What the pages of the registry change is told to webhooks, as what the API changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

EVENTS = [
    {"entity": entity, "action": action}
    for entity, actions in (
        ("REGISTERED_MODEL", ("CREATED",)),
        ("MODEL_VERSION_TAG", ("SET", "DELETED")),
        ("MODEL_VERSION_ALIAS", ("CREATED", "DELETED")),
    )
    for action in actions
]


def test_forms_of_the_registry_are_told_to_webhooks(
    api: Any, receiver: Any, wait_for: Callable[..., None]
) -> None:
    api.post("webhooks", name="hook", url=receiver.url(), events=EVENTS)

    def submit(path: str, **fields: str) -> None:
        reply = api.http.post(path, data=fields)
        assert reply.status_code == 303, reply.text

    submit("/models/create", name="wine")
    api.post("model-versions/create", name="wine", source="s3://elsewhere/model")
    submit("/models/wine/alias", alias="best", version="1")
    submit("/models/wine/unalias", alias="best")
    submit("/models/wine/versions/1/tag", key="k", value="v")
    submit("/models/wine/versions/1/untag", key="k")

    wait_for(lambda: len(receiver.received) == 5)
    told = {(each.document["entity"], each.document["action"]) for each in receiver.received}
    assert told == {(event["entity"].lower(), event["action"].lower()) for event in EVENTS}
