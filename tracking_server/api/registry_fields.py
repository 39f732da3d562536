"""What requests to the registry have in common: names, versions, texts and tags, checked as MLflow does."""

from __future__ import annotations

from tracking_server.api.codec import required
from tracking_server.api.fields import TagIn, text_of
from tracking_server.errors import InvalidParameter
from tracking_server.store.registry import model_aliases, registered_models

MAX_TAG_VALUE_LENGTH = 100_000
MAX_DESCRIPTION_LENGTH = 100_000
MAX_LINK_LENGTH = 4000

_PROMPT_TEXT = "mlflow.prompt.text"


def name_of(name: str | None, field: str = "name") -> str:
    """The name of a registered model. Raises InvalidParameter."""
    found = str(required(name, field))
    _refuse(registered_models.name_problem(found, field))
    return found


def version_of(version: str | int | None) -> str:
    """The number of a version as text; the store reads it. Raises InvalidParameter where it is missing."""
    return str(required(version, "version"))


def alias_of(alias: str | None) -> str:
    """An alias to be looked up or removed. Raises InvalidParameter."""
    found = str(required(alias, "alias"))
    _refuse(model_aliases.problem(found))
    return found


def new_alias_of(alias: str | None) -> str:
    """An alias to be given. Raises InvalidParameter."""
    found = str(required(alias, "alias"))
    _refuse(model_aliases.problem_of_new(found))
    return found


def tag_of(key: str | None, value: str | None) -> tuple[str, str]:
    """One tag of a model or a version. Raises InvalidParameter."""
    [(found, text)] = tags_of([TagIn(key, value)]).items()
    return found, text


def tags_of(tags: list[TagIn] | None) -> dict[str, str]:
    """Tags of a model or a version; the last of equal keys wins. Raises InvalidParameter."""
    found = text_of(tags, "tag")
    for key, value in found.items():
        if len(value) <= MAX_TAG_VALUE_LENGTH:
            continue
        if key == _PROMPT_TEXT:
            raise InvalidParameter(f"Prompt text exceeds max length of {MAX_TAG_VALUE_LENGTH} characters.")
        raise InvalidParameter(f"'value' exceeds the maximum length of {MAX_TAG_VALUE_LENGTH} characters")
    return found


def description_of(description: str) -> str:
    """A description. Raises InvalidParameter where it is too long."""
    if len(description) > MAX_DESCRIPTION_LENGTH:
        raise InvalidParameter(
            f"'description' exceeds the maximum length of {MAX_DESCRIPTION_LENGTH} characters"
        )
    return description


def link_of(link: str) -> str:
    """A link to a run's page elsewhere. Raises InvalidParameter for what a browser would run as a script."""
    scheme = link.partition(":")[0].lower() if ":" in link else ""
    if len(link) > MAX_LINK_LENGTH or scheme not in ("", "http", "https") or not link.isprintable():
        raise InvalidParameter(
            f"Invalid run_link: '{link[:100]}'. It must be an http or https URL of at most {MAX_LINK_LENGTH} "
            "characters."
        )
    return link


def _refuse(problem: str | None) -> None:
    if problem is not None:
        raise InvalidParameter(problem)
