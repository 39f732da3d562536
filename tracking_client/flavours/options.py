"""What can be said about a model when it is saved or logged, whatever its framework. Names are MLflow's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from tracking_client.model_versions import AWAIT_CREATION_S
from tracking_client.models.signature import ModelSignature

if TYPE_CHECKING:
    Requirements = Sequence[str] | str | PathLike[str]


class SaveOptions(TypedDict, total=False):
    """Options of every `save_model`.

    `signature` is inferred from `input_example` where it is None, and left out where it is False. The example
    is the data, or a tuple of the data and params. `pip_requirements` (a list, or a file) replaces the
    requirements that are found, `extra_pip_requirements` adds to them, `conda_env` (a dict, or a file)
    replaces all. `code_paths` are files and directories of the model's own code. `extra_files` are stored in
    the directory `extra_files` beside the model. `metadata` is plain data.
    """

    conda_env: Mapping[str, Any] | str | PathLike[str] | None
    code_paths: Sequence[str | PathLike[str]] | None
    signature: ModelSignature | Literal[False] | None
    input_example: Any
    pip_requirements: Requirements | None
    extra_pip_requirements: Requirements | None
    metadata: dict[str, Any] | None
    extra_files: Sequence[str | PathLike[str]] | None


class LogOptions(SaveOptions, total=False):
    """Options of every `log_model`: those of `save_model`, and these.

    The model becomes a logged model called `name`, with `params` (besides those of the run), `tags` and a
    `model_type`, made by the run `run_id` (the active one) at `step`; or the files of the logged model
    `model_id`. It becomes a version of `registered_model_name`, which is waited for up to
    `await_registration_for` seconds.
    """

    name: str | None
    registered_model_name: str | None
    await_registration_for: int | None
    params: Mapping[str, Any] | None
    tags: Mapping[str, Any] | None
    model_type: str | None
    step: int
    model_id: str | None
    run_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """`SaveOptions`, with their defaults."""

    conda_env: Mapping[str, Any] | str | PathLike[str] | None = None
    code_paths: Sequence[str | PathLike[str]] | None = None
    signature: ModelSignature | Literal[False] | None = None
    input_example: Any = None
    pip_requirements: Requirements | None = None
    extra_pip_requirements: Requirements | None = None
    metadata: dict[str, Any] | None = None
    extra_files: Sequence[str | PathLike[str]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Logging:
    """What `LogOptions` have beyond `SaveOptions`, with their defaults."""

    name: str | None = None
    registered_model_name: str | None = None
    await_registration_for: int | None = AWAIT_CREATION_S
    params: Mapping[str, Any] | None = None
    tags: Mapping[str, Any] | None = None
    model_type: str | None = None
    step: int = 0
    model_id: str | None = None
    run_id: str | None = None


def split(options: Mapping[str, Any]) -> tuple[Saving, Logging]:
    """The two halves of the options of a `log_model`. Raises TypeError for one that there is not."""
    of_saving = {field.name for field in fields(Saving)}
    saving = {name: value for name, value in options.items() if name in of_saving}
    return Saving(**saving), Logging(**{name: options[name] for name in options if name not in of_saving})


__all__ = ["LogOptions", "Logging", "SaveOptions", "Saving", "split"]
