"""Types of values within values: arrays, objects, maps, and whatever (`mlflow.types.schema`).

Their JSON is MLflow's: a dict with `type`, and what it holds in `items`, `properties` or `values`. All are
immutable values; equal ones are equal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, Union

from tracking_client.errors import InvalidArgument
from tracking_client.types.data_type import DataType

Type: TypeAlias = Union[DataType, "Array", "Object", "Map", "AnyType"]


@dataclass(frozen=True, slots=True, repr=False)
class Array:
    """A list of values of one type; texts name a DataType: `Array("long")`. Raises InvalidArgument."""

    dtype: Type

    def __init__(self, dtype: Type | str) -> None:
        object.__setattr__(self, "dtype", type_of(dtype))

    def __repr__(self) -> str:
        return f"Array({self.dtype!r})"

    def to_dict(self) -> dict[str, Any]:
        """MLflow's JSON."""
        return {"type": "array", "items": type_to_dict(self.dtype)}

    @classmethod
    def from_json_dict(cls, /, **kwargs: Any) -> Array:
        """The array of MLflow's JSON. Raises InvalidArgument."""
        return cls(type_from_dict(_entry(kwargs, "items", "an array")))


@dataclass(frozen=True, slots=True, repr=False)
class Map:
    """A dict from texts to values of one type, whatever the keys are. Raises InvalidArgument."""

    value_type: Type

    def __init__(self, value_type: Type | str) -> None:
        object.__setattr__(self, "value_type", type_of(value_type))

    def __repr__(self) -> str:
        return f"Map(str -> {self.value_type})"

    def to_dict(self) -> dict[str, Any]:
        """MLflow's JSON."""
        return {"type": "map", "values": type_to_dict(self.value_type)}

    @classmethod
    def from_json_dict(cls, /, **kwargs: Any) -> Map:
        """The map of MLflow's JSON. Raises InvalidArgument."""
        return cls(type_from_dict(_entry(kwargs, "values", "a map")))


@dataclass(frozen=True, slots=True, repr=False)
class AnyType:
    """Whatever: such a value is not looked at."""

    def __repr__(self) -> str:
        return "Any"

    def to_dict(self) -> dict[str, Any]:
        """MLflow's JSON."""
        return {"type": "any"}


@dataclass(frozen=True, slots=True, repr=False)
class Property:
    """One key of an object and the type of its values; one that is not `required` may be left out or None.

    Raises InvalidArgument for a name that is no text and for unknown types.
    """

    name: str
    dtype: Type
    required: bool = True

    def __init__(self, name: str, dtype: Type | str, required: bool = True) -> None:
        if not isinstance(name, str):
            raise InvalidArgument(f"The name of a property must be text, not {type(name).__name__}: {name!r}")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "dtype", type_of(dtype))
        object.__setattr__(self, "required", bool(required))

    def __repr__(self) -> str:
        return f"{self.name}: {self.dtype!r} ({'required' if self.required else 'optional'})"

    def __lt__(self, other: Property) -> bool:
        return self.name < other.name

    def to_dict(self) -> dict[str, Any]:
        """MLflow's JSON: the type and `required` under the name."""
        return {self.name: {**type_to_dict(self.dtype), "required": self.required}}

    @classmethod
    def from_json_dict(cls, /, **kwargs: Any) -> Property:
        """The property of MLflow's JSON, which is one name with a dict. Raises InvalidArgument."""
        if len(kwargs) != 1:
            raise InvalidArgument(f"The JSON of a property has one name, not {len(kwargs)}: {sorted(kwargs)}")
        ((name, entry),) = kwargs.items()
        dtype = type_from_dict(entry)
        return cls(name, dtype, _required(entry))


@dataclass(frozen=True, slots=True, repr=False)
class Object:
    """A dict with known keys. Its properties are kept in the order of their names, as its JSON has them.

    Raises InvalidArgument for no properties at all, and for two of one name.
    """

    _properties: tuple[Property, ...]

    def __init__(self, properties: Iterable[Property]) -> None:
        given = _properties_of(properties)
        if not given:
            raise InvalidArgument("An Object needs at least one property; AnyType() takes a dict of any keys")
        if twice := [name for name, times in Counter(item.name for item in given).items() if times > 1]:
            raise InvalidArgument(f"An Object has each property once; given twice: {', '.join(twice)}")
        object.__setattr__(self, "_properties", tuple(sorted(given)))

    @property
    def properties(self) -> list[Property]:
        """What the object is made of, by name."""
        return list(self._properties)

    def __repr__(self) -> str:
        return f"{{{', '.join(map(repr, self._properties))}}}"

    def to_dict(self) -> dict[str, Any]:
        """MLflow's JSON."""
        properties: dict[str, Any] = {}
        for item in self._properties:
            properties |= item.to_dict()
        return {"type": "object", "properties": properties}

    @classmethod
    def from_json_dict(cls, /, **kwargs: Any) -> Object:
        """The object of MLflow's JSON. Raises InvalidArgument."""
        properties = _entry(kwargs, "properties", "an object")
        return cls(Property.from_json_dict(**{name: entry}) for name, entry in properties.items())


def _properties_of(given: Any) -> list[Property]:
    properties = list(given) if isinstance(given, (list, tuple, set, Iterator)) else [given]
    if wrong := [item for item in properties if not isinstance(item, Property)]:
        raise InvalidArgument(f"An Object is made of a list of Property, not of {wrong[0]!r}")
    return properties


def type_of(given: Any) -> Type:
    """The type itself, or the DataType of that name. Raises InvalidArgument."""
    if isinstance(given, (DataType, Array, Object, Map, AnyType)):
        return given
    if isinstance(given, str):
        return DataType.named(given)
    raise InvalidArgument(
        f"{given!r} is no type: a DataType or its name, an Array, Object, Map or AnyType is wanted"
    )


def type_to_dict(dtype: Type) -> dict[str, Any]:
    """MLflow's JSON for any type."""
    return {"type": dtype.name} if isinstance(dtype, DataType) else dtype.to_dict()


def type_from_dict(entry: Any) -> Type:
    """The type of MLflow's JSON; keys that belong to no type are passed over. Raises InvalidArgument."""
    if not isinstance(entry, Mapping) or not isinstance(kind := entry.get("type"), str):
        raise InvalidArgument(f'The JSON of a type is a dict with a "type", not {entry!r}')
    if kind == "array":
        return Array.from_json_dict(**entry)
    if kind == "object":
        return Object.from_json_dict(**entry)
    if kind == "map":
        return Map.from_json_dict(**entry)
    return AnyType() if kind == "any" else DataType.named(kind)


def _entry(wire: Mapping[str, Any], key: str, what: str) -> Mapping[str, Any]:
    entry = wire.get(key)
    if not isinstance(entry, Mapping):
        raise InvalidArgument(f'The JSON of {what} has a dict as its "{key}", not {entry!r}')
    return entry


def _required(entry: Mapping[str, Any]) -> bool:
    """`required`, or the opposite of `optional`, as MLflow before 2.10 wrote; True where neither is there."""
    required = entry.get("required")
    return not entry.get("optional", False) if required is None else bool(required)


__all__ = [
    "AnyType",
    "Array",
    "Map",
    "Object",
    "Property",
    "Type",
    "type_from_dict",
    "type_of",
    "type_to_dict",
]
