"""What can be told: the events of MLflow's webhooks, their wire form, and the body of a delivery."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

import msgspec

from tracking_server.errors import InvalidParameter

ACTIONS: dict[str, tuple[str, ...]] = {
    "registered_model": ("created",),
    "model_version": ("created",),
    "model_version_tag": ("deleted", "set"),
    "model_version_alias": ("created", "deleted"),
    "prompt": ("created",),
    "prompt_version": ("created",),
    "prompt_tag": ("deleted", "set"),
    "prompt_version_tag": ("deleted", "set"),
    "prompt_alias": ("created", "deleted"),
    "budget_policy": ("exceeded",),
}
"""What can happen to what. Budgets belong to MLflow's gateway: one may listen, and will hear nothing here."""

# Enum numbers of webhooks.proto: a client may send them instead of names.
_ENTITIES = dict(enumerate(ACTIONS, start=1))
_ACTIONS = dict(enumerate(("created", "updated", "deleted", "set", "exceeded"), start=1))

_FIELDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("registered_model", "created"): ("name", "tags", "description"),
    ("model_version", "created"): ("name", "version", "source", "run_id", "tags", "description"),
    ("model_version_tag", "set"): ("name", "version", "key", "value"),
    ("model_version_tag", "deleted"): ("name", "version", "key"),
    ("model_version_alias", "created"): ("name", "alias", "version"),
    ("model_version_alias", "deleted"): ("name", "alias"),
    ("prompt", "created"): ("name", "tags", "description"),
    ("prompt_version", "created"): ("name", "version", "template", "tags", "description"),
    ("prompt_tag", "set"): ("name", "key", "value"),
    ("prompt_tag", "deleted"): ("name", "key"),
    ("prompt_version_tag", "set"): ("name", "version", "key", "value"),
    ("prompt_version_tag", "deleted"): ("name", "version", "key"),
    ("prompt_alias", "created"): ("name", "alias", "version"),
    ("prompt_alias", "deleted"): ("name", "alias"),
    ("budget_policy", "exceeded"): (
        "budget_policy_id",
        "budget_unit",
        "budget_amount",
        "current_spend",
        "duration_unit",
        "duration_value",
        "target_scope",
        "workspace",
        "target_value",
        "window_start",
    ),
}
_EXAMPLES: dict[str, object] = {
    "version": "1",
    "source": "models:/123",
    "run_id": "abcd1234abcd5678",
    "tags": {"example_key": "example_value"},
    "key": "example_key",
    "value": "example_value",
    "alias": "example_alias",
    "template": "Hello {{name}}!",
    "budget_policy_id": "bp-abc123",
    "budget_unit": "USD",
    "budget_amount": 100.0,
    "current_spend": 105.5,
    "duration_unit": "MONTHS",
    "duration_value": 1,
    "target_scope": "ENDPOINT",
    "workspace": "default",
    "target_value": "ep-abc123",
    "window_start": 1704067200000,
}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class EventKind:
    """One thing that can happen, in the lower-case words of a delivery's body."""

    entity: str
    action: str

    def __str__(self) -> str:
        return f"{self.entity}.{self.action}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened. `data` is JSON-able, with the fields MLflow gives that kind."""

    kind: EventKind
    data: Mapping[str, object]


def kind_of(entity: str | int | None, action: str | int | None) -> EventKind:
    """The kind that a client names, by the wire's words or numbers. Raises InvalidParameter."""
    known = _named(entity, _ENTITIES, "entity")
    wanted = _named(action, _ACTIONS, "action")
    if wanted not in ACTIONS[known]:
        raise InvalidParameter(
            f"Invalid action '{wanted}' for entity '{known}'. Valid actions are: {list(ACTIONS[known])}"
        )
    return EventKind(entity=known, action=wanted)


def _named(value: str | int | None, names: Mapping[int, str], field: str) -> str:
    text = str("" if value is None else value)
    if text.isascii() and text.isdigit() and len(text) < 5 and int(text) in names:
        return names[int(text)]
    if text.isupper() and text.lower() in names.values():
        return text.lower()
    known = ", ".join(name.upper() for name in names.values())
    raise InvalidParameter(f"Invalid value {text[:100]!r} for parameter '{field}' supplied. Known: {known}")


def example(kind: EventKind) -> Event:
    """What a test delivery tells: MLflow's example of that kind."""
    noun = kind.entity.partition("_")[0]
    noun = "prompt" if noun == "prompt" else "model"
    full = {
        "registered_model": "registered model",
        "model_version": "model version",
        "prompt_version": "prompt version",
    }.get(kind.entity, kind.entity)
    values = {**_EXAMPLES, "name": f"example_{noun}", "description": f"An example {full}"}
    return Event(kind=kind, data={name: values[name] for name in _FIELDS[kind.entity, kind.action]})


def body_of(event: Event, at: datetime | None = None) -> str:
    """The JSON that a delivery carries; `at` is when it happened, by default now."""
    return msgspec.json.encode(
        {
            "entity": event.kind.entity,
            "action": event.kind.action,
            "timestamp": (at or datetime.now(timezone.utc)).isoformat(),
            "data": event.data,
        }
    ).decode()
