"""The endpoints of webhooks: as MLflow's, with its words, and never a secret in a reply."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from tracking_server.settings import Settings
from tracking_server.store import webhooks as store

CREATED = {"entity": "MODEL_VERSION", "action": "CREATED"}
SECRET = "s3cr3t-of-the-test"


def make(api: Any, receiver: Any, **more: Any) -> Any:
    body = {"name": "hook", "url": receiver.url(), "events": [CREATED], **more}
    return api.post("webhooks", **body)["webhook"]


def test_a_webhook_is_made_and_found_with_mlflows_fields(api: Any, receiver: Any) -> None:
    made = make(
        api,
        receiver,
        description="for the team",
        secret=SECRET,
        status="DISABLED",
        events=[{"entity": "REGISTERED_MODEL", "action": "CREATED"}, {"entity": 3, "action": "4"}],
    )

    assert made == api.get(f"webhooks/{made['webhook_id']}")["webhook"]
    assert made == {
        "webhook_id": made["webhook_id"],
        "name": "hook",
        "description": "for the team",
        "url": receiver.url(),
        "events": [
            {"entity": "MODEL_VERSION_TAG", "action": "SET"},
            {"entity": "REGISTERED_MODEL", "action": "CREATED"},
        ],
        "status": "DISABLED",
        "creation_timestamp": made["creation_timestamp"],
        "last_updated_timestamp": made["creation_timestamp"],
    }


def test_a_webhook_without_more_is_active_and_says_nothing_else(api: Any, receiver: Any) -> None:
    made = make(api, receiver)

    assert made["status"] == "ACTIVE"
    assert "description" not in made


def test_an_event_named_twice_is_heard_once(api: Any, receiver: Any) -> None:
    assert make(api, receiver, events=[CREATED, CREATED])["events"] == [CREATED]


def test_webhooks_are_listed_newest_first_in_pages_that_neither_skip_nor_repeat(
    api: Any, receiver: Any
) -> None:
    ids = [make(api, receiver, name=f"hook-{number}")["webhook_id"] for number in range(5)]

    first = api.get("webhooks", max_results=2)
    late = make(api, receiver, name="late")["webhook_id"]
    second = api.get("webhooks", max_results=2, page_token=first["next_page_token"])
    third = api.get("webhooks", max_results=2, page_token=second["next_page_token"])

    found = [hook["webhook_id"] for page in (first, second, third) for hook in page["webhooks"]]
    assert found == ids[::-1]
    assert "next_page_token" not in third
    assert api.get("webhooks", max_results=0)["webhooks"][0]["webhook_id"] == late


def test_without_webhooks_the_list_is_empty(api: Any) -> None:
    assert api.get("webhooks") == {}


def patch(api: Any, webhook_id: str, **body: Any) -> Any:
    reply = api.http.patch(f"/api/2.0/mlflow/webhooks/{webhook_id}", json=body)
    assert reply.status_code == 200, reply.text
    return reply.json()["webhook"]


def test_a_change_touches_what_it_names_and_nothing_else(api: Any, receiver: Any) -> None:
    made = make(api, receiver, description="old", secret=SECRET)

    changed = patch(api, made["webhook_id"], name="new", events=[{"entity": "PROMPT", "action": "CREATED"}])
    same = patch(api, made["webhook_id"])

    for webhook in (changed, same):
        assert webhook["name"] == "new"
        assert webhook["events"] == [{"entity": "PROMPT", "action": "CREATED"}]
        assert webhook["description"] == "old"
        assert webhook["url"] == made["url"]
        assert webhook["creation_timestamp"] == made["creation_timestamp"]
    assert "description" not in patch(api, made["webhook_id"], description="")
    assert patch(api, made["webhook_id"], status=2)["status"] == "DISABLED"


def test_a_deleted_webhook_is_gone_with_its_secret(api: Any, receiver: Any, settings: Settings) -> None:
    webhook_id = make(api, receiver, secret=SECRET)["webhook_id"]

    deleted = api.http.delete(f"/api/2.0/mlflow/webhooks/{webhook_id}")

    assert (deleted.status_code, deleted.json()) == (200, {})
    for method, path, body in (
        ("GET", f"webhooks/{webhook_id}", {}),
        ("PATCH", f"webhooks/{webhook_id}", {"name": "x"}),
        ("DELETE", f"webhooks/{webhook_id}", {}),
        ("POST", f"webhooks/{webhook_id}/test", {}),
    ):
        assert api.refused(method, path, **body) == (
            404,
            "RESOURCE_DOES_NOT_EXIST",
            f"Webhook with ID {webhook_id} not found.",
        )
    with sqlite3.connect(str(settings.sqlite_path)) as connection:
        assert connection.execute("SELECT count(*) FROM webhooks").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM webhook_events").fetchone() == (0,)
    connection.close()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"name": None}, "Missing value for required parameter 'name'"),
        ({"url": None}, "Missing value for required parameter 'url'"),
        ({"events": None}, "Missing value for required parameter 'events'"),
        ({"events": []}, "Webhook events must be a non-empty list of WebhookEvent objects: []."),
        (
            {"events": [{"entity": "MODEL_VERSION", "action": "SET"}]},
            "Invalid action 'set' for entity 'model_version'. Valid actions are: ['created']",
        ),
        ({"events": [{"entity": "MODEL_VERSION"}]}, "parameter 'action'"),
        ({"events": [{"entity": "NOPE", "action": "SET"}]}, "parameter 'entity'"),
        ({"events": [{"entity": "model_version", "action": "created"}]}, "parameter 'entity'"),
        ({"events": "x"}, "Invalid value \"x\" for parameter 'events' supplied"),
        ({"events": [{"entity": 99999999999999999999, "action": 1}]}, "parameter 'entity'"),
        ({"name": "-hook"}, "Webhook name '-hook' is invalid. It must start and end with a letter or digit"),
        ({"name": "a" * 64}, "be less than 63 characters long"),
        ({"name": "h\u00f6\u00f6k"}, "is invalid"),
        ({"name": "hook\n"}, "is invalid"),
        ({"status": "NOPE"}, "Invalid value 'NOPE' for parameter 'status' supplied"),
        ({"url": "   "}, "Webhook URL cannot be empty or just whitespace: '   '"),
        ({"url": "http://localhost/x"}, "Invalid webhook URL scheme: 'http'. Allowed schemes are: https."),
        ({"url": "https:///x"}, "Webhook URL must include a hostname: 'https:///x'"),
        ({"url": "https://127.1/"}, "Webhook URL host '127.1' is not a canonical IP address literal."),
        ({"url": "https://localhost/"}, "Webhook URL must not resolve to a non-public IP address"),
        (
            {"url": "https://169.254.169.254/latest"},
            "Webhook URL must not resolve to a non-public IP address",
        ),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "Webhook URL must not resolve to a non-public IP address"),
        ({"url": "https://nobody.invalid/"}, "Cannot resolve Webhook URL hostname 'nobody.invalid'"),
        ({"secret": 12345}, "Invalid value for parameter 'secret' supplied: it must be a string."),
        ({"secret": "x" * 1001}, "'secret' exceeds the maximum length of 1000 characters"),
        ({"description": "x" * 5001}, "'description' exceeds the maximum length of 5000 characters"),
    ],
)
def test_what_cannot_be_is_refused_in_mlflows_words(
    api: Any, receiver: Any, body: dict[str, Any], message: str
) -> None:
    whole = {"name": "hook", "url": receiver.url(), "events": [CREATED], **body}
    status, code, said = api.refused("POST", "webhooks", **whole)

    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert message in said
    assert "12345" not in said
    assert api.get("webhooks") == {}


@pytest.mark.parametrize(
    "body",
    [
        {"url": "https://127.0.0.1/"},
        {"url": "https://10.0.0.1/"},
        {"url": "http://1.1.1.1/"},
        {"name": "-"},
        {"events": [{"entity": 1, "action": 3}]},
        {"status": 3},
        {"secret": [1]},
    ],
)
def test_a_change_is_checked_like_a_beginning_and_changes_nothing(
    api: Any, receiver: Any, body: dict[str, Any]
) -> None:
    made = make(api, receiver)

    status, code, _ = api.refused("PATCH", f"webhooks/{made['webhook_id']}", description="new", **body)

    assert (status, code) == (400, "INVALID_PARAMETER_VALUE")
    assert api.get(f"webhooks/{made['webhook_id']}")["webhook"] == made


@pytest.mark.parametrize("most", [-1, 1001])
def test_pages_have_a_size(api: Any, most: int) -> None:
    assert api.refused("GET", "webhooks", max_results=most)[2] == "max_results must be between 1 and 1000."


@pytest.mark.parametrize("token", ["x", "WyJhIiwgWzFdXQ=="])
def test_broken_page_tokens_are_refused(api: Any, token: str) -> None:
    assert api.refused("GET", "webhooks", page_token=token)[:2] == (400, "INVALID_PARAMETER_VALUE")


def test_there_cannot_be_any_number_of_webhooks(
    api: Any, receiver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MAX_WEBHOOKS", 2)
    make(api, receiver)
    make(api, receiver)

    body = {"name": "hook", "url": receiver.url(), "events": [CREATED]}
    assert "There are 2 webhooks already" in api.refused("POST", "webhooks", **body)[2]


def test_a_test_sends_an_example_and_tells_what_came_back(api: Any, receiver: Any) -> None:
    webhook_id = make(api, receiver, secret=SECRET, status="DISABLED")["webhook_id"]
    receiver.reply(202, body="grüß dich".encode())

    result = api.post(f"webhooks/{webhook_id}/test")["result"]

    [request] = receiver.received
    assert result == {"success": True, "response_status": 202, "response_body": "grüß dich"}
    assert request.document["entity"] == "model_version"
    assert request.document["action"] == "created"
    assert request.document["data"] == {
        "name": "example_model",
        "version": "1",
        "source": "models:/123",
        "run_id": "abcd1234abcd5678",
        "tags": {"example_key": "example_value"},
        "description": "An example model version",
    }
    assert request.headers["X-MLflow-Signature"].startswith("v1,")


def test_a_test_may_be_of_another_event(api: Any, receiver: Any) -> None:
    webhook_id = make(api, receiver)["webhook_id"]

    result = api.post(f"webhooks/{webhook_id}/test", event={"entity": "PROMPT_TAG", "action": "SET"})[
        "result"
    ]

    assert result["success"] is True
    assert receiver.received[0].document["data"]["name"] == "example_prompt"


@pytest.mark.parametrize(
    ("status", "more", "message"),
    [(500, {}, "answered 500"), (302, {"headers": {"Location": "https://localhost/"}}, "redirect")],
)
def test_a_test_that_fails_says_why(
    api: Any, receiver: Any, status: int, more: dict[str, Any], message: str
) -> None:
    webhook_id = make(api, receiver, secret=SECRET)["webhook_id"]
    receiver.reply(status, body=b"y" * 5000, **more)

    result = api.post(f"webhooks/{webhook_id}/test")["result"]

    assert result["success"] is False
    assert result["response_status"] == status
    assert result["response_body"] == "y" * 1000
    assert message in result["error_message"]
    assert len(receiver.received) == 1


def test_a_webhook_whose_target_is_no_longer_allowed_reaches_nobody(
    make_api: Callable[[Settings], Any], with_settings: Callable[..., Settings], receiver: Any
) -> None:
    before = make_api(with_settings())
    webhook_id = make(before, receiver)["webhook_id"]
    after = make_api(with_settings(webhook_allowed_hosts=()))

    result = after.post(f"webhooks/{webhook_id}/test")["result"]

    assert result["success"] is False
    assert "non-public" in result["error_message"]
    assert receiver.connections == 0


def test_a_store_with_a_secret_is_no_longer_everybodys_to_read(
    api: Any, receiver: Any, settings: Settings
) -> None:
    store_file = settings.sqlite_path
    assert store_file is not None
    store_file.chmod(0o666)

    make(api, receiver)
    before = store_file.stat().st_mode & 0o777
    make(api, receiver, secret=SECRET)

    files = sorted(store_file.parent.glob(f"{store_file.name}*"))
    assert before == 0o666
    assert store_file.stat().st_mode & 0o777 == 0o660
    assert [file.name for file in files if "wal" in file.name or "shm" in file.name]
    assert [file for file in files if file.stat().st_mode & 0o007 and "lock" not in file.name] == []


def test_a_secret_is_in_no_reply_and_no_log(
    api: Any, receiver: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    replies = []

    def call(method: str, path: str, **body: Any) -> Any:
        reply = api.http.request(method, f"/api/2.0/mlflow/{path}", json=body)
        replies.append(reply.text)
        return reply.json()

    body = {"name": "hook", "url": receiver.url("/path-of-a-token"), "events": [CREATED], "secret": SECRET}
    webhook_id = call("POST", "webhooks", **body)["webhook"]["webhook_id"]
    call("POST", "webhooks", **{**body, "url": "https://127.0.0.1/"})
    call("POST", "webhooks", **{**body, "secret": [SECRET]})
    call("PATCH", f"webhooks/{webhook_id}", secret=SECRET)
    call("PATCH", f"webhooks/{webhook_id}", secret={"a": SECRET})
    call("GET", "webhooks")
    call("GET", f"webhooks/{webhook_id}")
    receiver.reply(500)
    call("POST", f"webhooks/{webhook_id}/test")

    assert [text for text in replies if SECRET in text] == []
    assert SECRET not in caplog.text
