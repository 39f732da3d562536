"""The types of single values, with MLflow's names and numbers (`mlflow.types.DataType`)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

from tracking_client.errors import InvalidArgument

if TYPE_CHECKING:
    import numpy as np


class DataType(Enum):
    """The type of one value. `name` is how signatures spell it.

    `integer` and `long` have 32 and 64 bits, `float` and `double` too; `datetime` has no time zone.
    """

    boolean = 1
    integer = 2
    long = 3
    float = 4
    double = 5
    string = 6
    binary = 7
    datetime = 8

    def __repr__(self) -> str:
        return self.name

    @classmethod
    def named(cls, name: str) -> DataType:
        """The type that a signature calls `name`. Raises InvalidArgument, which lists the names."""
        try:
            return cls[name]
        except KeyError:
            raise InvalidArgument(
                f"There is no type {name!r}. The types of values are: {', '.join(cls.all_types())}"
            ) from None

    @classmethod
    def all_types(cls) -> list[str]:
        """The names of all types."""
        return list(cls.__members__)

    def to_numpy(self) -> np.dtype[Any]:
        """The numpy type that holds such values. Texts and bytes have no length: `<U0` and `|S0`."""
        import numpy as np

        return np.dtype(_NUMPY[self.name])

    def to_pandas(self) -> Any:
        """The type of a pandas column of such values; `object` for texts and bytes."""
        import numpy as np

        return np.dtype(object) if self in (DataType.string, DataType.binary) else self.to_numpy()

    def to_python(self) -> type:
        """The Python type of such a value."""
        return _PYTHON[self.name]

    @classmethod
    def from_numpy_type(cls, np_type: Any) -> DataType | None:
        """The type whose numpy type is exactly `np_type`; None where there is none."""
        import numpy as np

        return next((kind for kind in cls if kind.to_numpy() == np.dtype(np_type)), None)


_NUMPY: Mapping[str, str] = {
    "boolean": "bool",
    "integer": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
    "string": "U",
    "binary": "S",
    "datetime": "datetime64[ns]",
}
_PYTHON: Mapping[str, type] = {
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "string": str,
    "binary": bytes,
    "datetime": dt.date,  # of which a datetime is one
}

__all__ = ["DataType"]
