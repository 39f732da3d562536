"""A program that uses webhooks with MLflow's own client: `python mlflow_webhook_session.py SERVER RECEIVER`.

Run by `test_webhooks_mlflow_client.py` in a process of its own. It fails with a traceback or prints `done`.
"""

from __future__ import annotations

import sys
from typing import Any

from mlflow import MlflowClient
from mlflow.entities.webhook import WebhookStatus
from mlflow.exceptions import MlflowException

EVENTS = [
    "registered_model.created",
    "model_version.created",
    "model_version_tag.set",
    "model_version_tag.deleted",
    "model_version_alias.created",
    "model_version_alias.deleted",
    "prompt.created",
    "prompt_version.created",
    "prompt_tag.set",
    "prompt_tag.deleted",
    "prompt_version_tag.set",
    "prompt_version_tag.deleted",
    "prompt_alias.created",
    "prompt_alias.deleted",
]


def manage(client: Any, url: str) -> None:
    made = client.create_webhook(
        "hook", url + "managed", ["model_version.created"], "about it", "s", "DISABLED"
    )
    assert made.status == WebhookStatus.DISABLED
    assert made.secret is None
    got = client.get_webhook(made.webhook_id)
    assert (got.name, got.url, got.description) == ("hook", url + "managed", "about it")
    client.create_webhook("second", url, ["prompt.created"], status="DISABLED")
    first = client.list_webhooks(max_results=1)
    second = client.list_webhooks(max_results=1, page_token=first.token)
    assert [hook.name for hook in (*first, *second)] == ["second", "hook"]
    assert not second.token
    changed = client.update_webhook(made.webhook_id, name="other", events=["prompt_alias.deleted"])
    assert (changed.name, changed.description) == ("other", "about it")
    assert [str(event) for event in changed.events] == ["prompt_alias.deleted"]
    tested = client.test_webhook(made.webhook_id)
    assert (tested.success, tested.response_status, tested.response_body) == (True, 200, "thanks")
    assert client.test_webhook(made.webhook_id, "model_version.created").success
    client.delete_webhook(made.webhook_id)
    for call in (client.get_webhook, client.delete_webhook, client.test_webhook):
        assert code_of(call, made.webhook_id) == "RESOURCE_DOES_NOT_EXIST"
    inside = ("hook", "https://169.254.169.254/", ["prompt.created"])
    assert code_of(client.create_webhook, *inside) == "INVALID_PARAMETER_VALUE"


def code_of(call: Any, *arguments: object) -> str:
    """The error code of a call that must fail."""
    try:
        call(*arguments)
    except MlflowException as error:
        return str(error.error_code)
    return "none"


def change(client: Any, url: str) -> None:
    """The changes whose deliveries the test expects; MLflow's server told the same."""
    client.create_webhook("all", url, EVENTS, secret="s")
    client.create_registered_model("m", tags={"a": "b"})
    client.create_registered_model("d", description="desc")
    client.create_model_version("m", "s3://b/x", tags={"t": "u"})
    client.set_model_version_tag("m", "1", "k", "v")
    client.delete_model_version_tag("m", "1", "k")
    client.set_registered_model_tag("m", "x", "y")
    client.delete_registered_model_tag("m", "x")
    client.set_registered_model_alias("m", "al", "1")
    client.delete_registered_model_alias("m", "al")
    client.register_prompt("p", "Hello {{x}}", commit_message="cm", tags={"q": "r"})
    client.set_prompt_tag("p", "z", "1")
    client.delete_prompt_tag("p", "z")
    client.set_prompt_version_tag("p", 1, "z", "1")
    client.delete_prompt_version_tag("p", 1, "z")
    client.set_prompt_alias("p", "pa", 1)
    client.delete_prompt_alias("p", "pa")


def main(server: str, receiver: str) -> None:
    client = MlflowClient(server, registry_uri=server)
    manage(client, receiver)
    change(client, receiver)
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
