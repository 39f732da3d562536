"""Keys with a text each: params and tags of everything that has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tracking_client.wire.fields import Json


@dataclass(frozen=True, slots=True)
class Pair:
    """A key and its text.

    What is a pair inherits its constructor, comparison and hash, which need not be made again for each class:
    making them takes longer than anything else in an import. Pairs of two kinds are never equal.
    """

    key: str
    value: str

    def to_wire(self) -> dict[str, str]:
        """The JSON object."""
        return {"key": self.key, "value": self.value}


class Param(Pair):
    """One parameter of a run; set once."""

    __slots__ = ()


class RunTag(Pair):
    """One tag of a run."""

    __slots__ = ()


class ExperimentTag(Pair):
    """One tag of an experiment."""

    __slots__ = ()


class InputTag(Pair):
    """One tag of a data set's use, such as `mlflow.data.context`."""

    __slots__ = ()


class LoggedModelParameter(Pair):
    """One parameter of a logged model; set once."""

    __slots__ = ()


class LoggedModelTag(Pair):
    """One tag of a logged model."""

    __slots__ = ()


class RegisteredModelTag(Pair):
    """One tag of a registered model."""

    __slots__ = ()


class ModelVersionTag(Pair):
    """One tag of a version of a registered model."""

    __slots__ = ()


def pairs_of(wire: Json, name: str) -> dict[str, str]:
    """The pairs in the list `name` of a JSON object, as a dict."""
    return {str(pair["key"]): str(pair.get("value", "")) for pair in wire.get(name) or ()}


def pairs_to_wire(values: Mapping[str, Any] | Iterable[Pair] | None) -> list[dict[str, str]]:
    """The JSON objects of a mapping, whose values become texts, or of pairs."""
    if isinstance(values, Mapping):
        return [{"key": str(key), "value": str(value)} for key, value in values.items()]
    return [pair.to_wire() for pair in values or ()]


__all__ = [
    "ExperimentTag",
    "InputTag",
    "LoggedModelParameter",
    "LoggedModelTag",
    "ModelVersionTag",
    "Pair",
    "Param",
    "RegisteredModelTag",
    "RunTag",
    "pairs_of",
    "pairs_to_wire",
]
