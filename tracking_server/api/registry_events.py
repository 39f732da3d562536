"""What webhooks hear of changes in the registry: which events there are, with the fields MLflow gives them.

A change and the deliveries that it makes are one transaction: neither is there without the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from sqlalchemy import Connection

from tracking_server.services import Services
from tracking_server.store import webhook_deliveries
from tracking_server.store.clock import now_ms
from tracking_server.store.registry import registered_models
from tracking_server.store.registry.records import ModelVersion
from tracking_server.store.registry.registered_models import says_prompt
from tracking_server.webhooks.events import Event, EventKind, body_of

T = TypeVar("T")

_PROMPT_TEXT = "mlflow.prompt.text"
_PROMPT_MARKS = (registered_models.PROMPT_TAG, "_mlflow_prompt_type")
_AS_PROMPT = {
    "registered_model": "prompt",
    "model_version": "prompt_version",
    "model_version_tag": "prompt_version_tag",
    "model_version_alias": "prompt_alias",
}


async def change(
    services: Services,
    work: Callable[[Connection], T],
    event: Callable[[Connection, T], Event | None],
) -> T:
    """Do `work` in the writer and write down, with it, what webhooks are to hear; what `work` returned.

    `event` is only asked where somebody listens at all. Raises what either raises, or Unavailable.
    """

    def both(connection: Connection) -> tuple[T, int]:
        result = work(connection)
        return result, _announce(connection, result, event)

    result, told = await services.database.write(both)
    if told:
        services.webhooks.wake()
    return result


def _announce(connection: Connection, result: T, event: Callable[[Connection, T], Event | None]) -> int:
    if not webhook_deliveries.somebody_listens(connection):
        return 0
    happened = event(connection, result)
    if happened is None:
        return 0
    return webhook_deliveries.announce(
        connection,
        entity=happened.kind.entity,
        action=happened.kind.action,
        body=body_of(happened),
        at_ms=now_ms(),
    )


def _event(entity: str, action: str, *, prompt: bool, **data: object) -> Event:
    """An event of a model, or of the prompt that MLflow keeps in a model's place."""
    kind = EventKind(entity=_AS_PROMPT[entity] if prompt else entity, action=action)
    return Event(kind=kind, data=data)


def _is_prompt(connection: Connection, name: str) -> bool:
    return registered_models.is_prompt(connection, registered_models.find(connection, name))


def model_created(name: str, tags: Mapping[str, str], description: str) -> Event:
    """A registered model, or a prompt, is new."""
    prompt = says_prompt(tags)
    shown = {key: value for key, value in tags.items() if not (prompt and key in _PROMPT_MARKS)}
    return _event(
        "registered_model", "created", prompt=prompt, name=name, tags=shown, description=description
    )


def version_created(version: ModelVersion, tags: Mapping[str, str]) -> Event:
    """A version of a model, or of a prompt, is new."""
    prompt = says_prompt(tags)
    inner = (_PROMPT_TEXT, *_PROMPT_MARKS) if prompt else ()
    origin: dict[str, object] = {"source": version.source, "run_id": version.run_id or None}
    if prompt:
        origin = {"template": tags.get(_PROMPT_TEXT)}
    return _event(
        "model_version",
        "created",
        prompt=prompt,
        name=version.name,
        version=version.version,
        **origin,
        tags={key: value for key, value in tags.items() if key not in inner},
        description=version.description or None,
    )


def model_tag_set(connection: Connection, name: str, key: str, value: str) -> Event | None:
    """A prompt has a tag. There is no such event for models."""
    if not _is_prompt(connection, name):
        return None
    kind = EventKind(entity="prompt_tag", action="set")
    return Event(kind=kind, data={"name": name, "key": key, "value": value})


def model_tag_deleted(connection: Connection, name: str, key: str) -> Event | None:
    """A prompt has a tag no more. There is no such event for models."""
    if not _is_prompt(connection, name):
        return None
    return Event(kind=EventKind(entity="prompt_tag", action="deleted"), data={"name": name, "key": key})


def version_tag_set(connection: Connection, name: str, version: str, key: str, value: str) -> Event:
    """A version has a tag."""
    prompt = _is_prompt(connection, name)
    data = {"name": name, "version": version, "key": key, "value": value}
    return _event("model_version_tag", "set", prompt=prompt, **data)


def version_tag_deleted(connection: Connection, name: str, version: str, key: str) -> Event:
    """A version has a tag no more."""
    prompt = _is_prompt(connection, name)
    return _event("model_version_tag", "deleted", prompt=prompt, name=name, version=version, key=key)


def alias_created(connection: Connection, name: str, alias: str, version: str) -> Event:
    """An alias points at a version."""
    prompt = _is_prompt(connection, name)
    return _event("model_version_alias", "created", prompt=prompt, name=name, alias=alias, version=version)


def alias_deleted(connection: Connection, name: str, alias: str) -> Event:
    """An alias points nowhere any more."""
    prompt = _is_prompt(connection, name)
    return _event("model_version_alias", "deleted", prompt=prompt, name=name, alias=alias)
