"""What the registry tells webhooks: every event, at least once, whoever dies, and never at a request's cost."""

from __future__ import annotations

import base64
import hashlib
import hmac
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from tracking_server.errors import Unavailable
from tracking_server.settings import Settings
from tracking_server.store import webhook_deliveries as outbox

SECRET = "a secret of the test"
EVERYTHING = [
    {"entity": entity, "action": action}
    for entity, actions in (
        ("REGISTERED_MODEL", ("CREATED",)),
        ("MODEL_VERSION", ("CREATED",)),
        ("MODEL_VERSION_TAG", ("SET", "DELETED")),
        ("MODEL_VERSION_ALIAS", ("CREATED", "DELETED")),
        ("PROMPT", ("CREATED",)),
        ("PROMPT_VERSION", ("CREATED",)),
        ("PROMPT_TAG", ("SET", "DELETED")),
        ("PROMPT_VERSION_TAG", ("SET", "DELETED")),
        ("PROMPT_ALIAS", ("CREATED", "DELETED")),
    )
    for action in actions
]


def listen(api: Any, receiver: Any, **more: Any) -> str:
    body = {"name": "hook", "url": receiver.url(), "events": EVERYTHING, **more}
    return str(api.post("webhooks", **body)["webhook"]["webhook_id"])


def waiting(settings: Settings) -> list[Any]:
    """What is in the outbox: webhook, attempts and due time of each."""
    with sqlite3.connect(str(settings.sqlite_path), timeout=10) as connection:
        rows = connection.execute("SELECT webhook_id, attempts, due_at_ms FROM webhook_deliveries").fetchall()
    connection.close()
    return rows


def create_model(api: Any, name: str = "a model", **more: Any) -> None:
    api.post("registered-models/create", name=name, **more)


def send(api: Any, method: str, path: str, **body: Any) -> None:
    reply = api.http.request(method, f"/api/2.0/mlflow/{path}", json=body)
    assert reply.status_code == 200, reply.text


def change_everything(api: Any, name: str, **tags: str) -> None:
    listed = [{"key": key, "value": value} for key, value in tags.items()]
    version = {"name": name, "version": "1"}
    create_model(api, name, tags=listed, description="about it")
    source = "dummy-source" if "mlflow.prompt.is_prompt" in tags else "s3://bucket/x"
    api.post("model-versions/create", name=name, source=source, tags=listed)
    api.post("registered-models/set-tag", name=name, key="k", value="v")
    send(api, "DELETE", "registered-models/delete-tag", name=name, key="k")
    api.post("model-versions/set-tag", **version, key="k", value="v")
    send(api, "DELETE", "model-versions/delete-tag", **version, key="k")
    api.post("registered-models/alias", **version, alias="best")
    send(api, "DELETE", "registered-models/alias", name=name, alias="best")


def told(receiver: Any) -> dict[str, Any]:
    """What was received, by event: the order of deliveries is not promised."""
    found = {}
    for request in receiver.received:
        document = request.document
        found[f"{document['entity']}.{document['action']}"] = document["data"]
    return found


def test_every_change_of_a_model_is_told_with_mlflows_fields(
    api: Any, receiver: Any, settings: Settings, wait_for: Callable[..., None]
) -> None:
    listen(api, receiver)

    change_everything(api, "m", owner="me")

    wait_for(lambda: not waiting(settings))
    assert told(receiver) == {
        "registered_model.created": {"name": "m", "tags": {"owner": "me"}, "description": "about it"},
        "model_version.created": {
            "name": "m",
            "version": "1",
            "source": "s3://bucket/x",
            "run_id": None,
            "tags": {"owner": "me"},
            "description": None,
        },
        "model_version_tag.set": {"name": "m", "version": "1", "key": "k", "value": "v"},
        "model_version_tag.deleted": {"name": "m", "version": "1", "key": "k"},
        "model_version_alias.created": {"name": "m", "alias": "best", "version": "1"},
        "model_version_alias.deleted": {"name": "m", "alias": "best"},
    }
    assert len(receiver.received) == 6


def test_every_change_of_a_prompt_is_told_as_one_of_a_prompt(
    api: Any, receiver: Any, settings: Settings, wait_for: Callable[..., None]
) -> None:
    listen(api, receiver)
    marks = {"mlflow.prompt.is_prompt": "true", "mlflow.prompt.text": "Hello", "owner": "me"}

    change_everything(api, "p", **marks)

    wait_for(lambda: not waiting(settings))
    assert told(receiver) == {
        "prompt.created": {
            "name": "p",
            "tags": {"mlflow.prompt.text": "Hello", "owner": "me"},
            "description": "about it",
        },
        "prompt_version.created": {
            "name": "p",
            "version": "1",
            "template": "Hello",
            "tags": {"owner": "me"},
            "description": None,
        },
        "prompt_tag.set": {"name": "p", "key": "k", "value": "v"},
        "prompt_tag.deleted": {"name": "p", "key": "k"},
        "prompt_version_tag.set": {"name": "p", "version": "1", "key": "k", "value": "v"},
        "prompt_version_tag.deleted": {"name": "p", "version": "1", "key": "k"},
        "prompt_alias.created": {"name": "p", "alias": "best", "version": "1"},
        "prompt_alias.deleted": {"name": "p", "alias": "best"},
    }


def test_a_delivery_is_signed_over_its_id_its_time_and_its_bytes(
    api: Any, receiver: Any, wait_for: Callable[..., None]
) -> None:
    listen(api, receiver, secret=SECRET)

    create_model(api)

    wait_for(lambda: receiver.received)
    [request] = receiver.received
    delivery_id = request.headers["X-MLflow-Delivery-Id"]
    timestamp = request.headers["X-MLflow-Timestamp"]
    signed = f"{delivery_id}.{timestamp}.".encode() + request.body
    digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()
    assert request.headers["X-MLflow-Signature"] == "v1," + base64.b64encode(digest).decode()
    assert abs(int(timestamp) - time.time()) < 60


def test_only_those_hear_who_listen_and_are_active(
    api: Any, receiver: Any, settings: Settings, wait_for: Callable[..., None]
) -> None:
    listen(api, receiver, url=receiver.url("/other"), events=EVERYTHING[1:])
    listen(api, receiver, url=receiver.url("/disabled"), status="DISABLED")
    removed = listen(api, receiver, url=receiver.url("/removed"))
    send(api, "DELETE", f"webhooks/{removed}")
    listen(api, receiver, url=receiver.url("/one"))
    listen(api, receiver, url=receiver.url("/two"))

    create_model(api)

    wait_for(lambda: not waiting(settings))
    assert sorted(request.path for request in receiver.received) == ["/one", "/two"]


def test_a_change_that_is_refused_is_not_told(api: Any, receiver: Any, settings: Settings) -> None:
    create_model(api)
    listen(api, receiver)

    api.refused("POST", "registered-models/create", name="a model")
    api.refused("POST", "registered-models/alias", name="a model", alias="best", version="7")

    assert waiting(settings) == []


def test_a_change_that_cannot_be_told_is_not_made(
    api: Any, receiver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_more: object) -> int:
        raise Unavailable("The disk is full.")

    listen(api, receiver)
    monkeypatch.setattr(outbox, "announce", full)

    status, _, _ = api.refused("POST", "registered-models/create", name="a model")

    monkeypatch.undo()
    assert status == 503
    assert api.get("registered-models/search") == {}


def test_a_failure_is_tried_again_under_the_same_id_and_logged_with_its_reason(
    api: Any,
    receiver: Any,
    settings: Settings,
    wait_for: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    webhook_id = listen(api, receiver, secret=SECRET, url=receiver.url("/path-of-a-token"))
    receiver.reply(503)

    create_model(api)

    wait_for(lambda: len(receiver.received) == 2)
    wait_for(lambda: not waiting(settings))
    assert len({request.headers["X-MLflow-Delivery-Id"] for request in receiver.received}) == 1
    assert len({request.body for request in receiver.received}) == 1
    [line] = [record.getMessage() for record in caplog.records if webhook_id in record.getMessage()]
    assert "localhost answered 503" in line
    assert SECRET not in caplog.text
    assert "path-of-a-token" not in caplog.text


def test_what_cannot_get_better_is_given_up_at_once_and_logged(
    api: Any,
    receiver: Any,
    settings: Settings,
    wait_for: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    listen(api, receiver)
    receiver.reply(410)

    create_model(api)

    wait_for(lambda: receiver.received)
    wait_for(lambda: not waiting(settings))
    assert len(receiver.received) == 1
    assert "given up after 1 attempts: localhost answered 410" in caplog.text
    counted = api.http.get("/metrics").text.splitlines()
    assert 'tracking_server_webhook_deliveries_total{result="given_up"} 1' in counted
    assert 'tracking_server_webhook_deliveries_total{result="delivered"} 0' in counted
    assert "tracking_server_webhook_failed_attempts_total 1" in counted


def test_a_receiver_that_hangs_slows_neither_requests_nor_other_receivers(
    api: Any, receiver: Any, settings: Settings, wait_for: Callable[..., None]
) -> None:
    go_on = threading.Event()
    for _ in range(2):
        receiver.reply(hold=go_on)
    listen(api, receiver, url=receiver.url("/slow"))
    for number in range(30):
        create_model(api, f"before {number}")
    wait_for(lambda: len(receiver.received) == 2)
    listen(api, receiver, url=receiver.url("/fast"))
    began = time.monotonic()

    for number in range(20):
        create_model(api, f"after {number}")

    took_s = time.monotonic() - began
    wait_for(lambda: [request.path for request in receiver.received].count("/fast") == 20)
    assert [request.path for request in receiver.received].count("/slow") == 2
    go_on.set()
    assert took_s < 5
    wait_for(lambda: not waiting(settings), timeout_s=20)
    assert [request.path for request in receiver.received].count("/slow") == 50


def test_disabling_and_deleting_drop_what_waits(
    api: Any, receiver: Any, settings: Settings, wait_for: Callable[..., None]
) -> None:
    for _ in range(2):
        receiver.reply(503)
    hooks = [listen(api, receiver), listen(api, receiver)]
    create_model(api)
    wait_for(lambda: len(receiver.received) == 2)

    send(api, "PATCH", f"webhooks/{hooks[0]}", status="DISABLED")
    send(api, "DELETE", f"webhooks/{hooks[1]}")

    assert waiting(settings) == []


def test_too_much_waiting_for_one_webhook_is_dropped_and_logged_and_fails_nothing(
    api: Any, receiver: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outbox, "MAX_WAITING", 0)
    listen(api, receiver)

    create_model(api)

    assert "too much waits for it" in caplog.text
    assert receiver.received == []
