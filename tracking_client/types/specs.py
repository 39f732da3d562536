"""What is known of one column or tensor of a data set: name, type, and whether it must be there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tracking_client.errors import InvalidArgument
from tracking_client.types.nested import Type, type_from_dict, type_of, type_to_dict

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True, repr=False)
class ColSpec:
    """A column. A `name` is text, or whatever pandas has as the name of a column; None: known by position.

    A column that is not `required` may be left out. Raises InvalidArgument for an unknown type.
    """

    type: Type
    name: Any = None
    required: bool = True

    def __init__(self, type: Type | str, name: Any = None, required: bool = True) -> None:  # noqa: A002  # MLflow's name
        object.__setattr__(self, "type", type_of(type))
        object.__setattr__(self, "name", tuple(name) if isinstance(name, list) else name)
        object.__setattr__(self, "required", bool(required))

    def __repr__(self) -> str:
        name = "" if self.name is None else f"{self.name!r}: "
        return f"{name}{self.type!r} ({'required' if self.required else 'optional'})"

    def to_dict(self) -> dict[str, Any]:
        """MLflow's JSON: the type's own, the name where there is one, and `required`."""
        name = {} if self.name is None else {"name": self.name}
        return {**type_to_dict(self.type), **name, "required": self.required}

    @classmethod
    def from_json_dict(cls, /, **kwargs: Any) -> ColSpec:
        """The column of MLflow's JSON, of any version. Raises InvalidArgument.

        Without `required`, it is the opposite of `optional`, as MLflow before 2.10 wrote, or else true.
        """
        required = kwargs.get("required")
        required = not kwargs.get("optional", False) if required is None else bool(required)
        return cls(type_from_dict(kwargs), kwargs.get("name"), required)


@dataclass(frozen=True, slots=True, repr=False)
class TensorSpec:
    """A tensor: the numpy type of its elements and its shape, where -1 is any length.

    The type of texts and bytes has no length: `np.dtype(str)`. Raises InvalidArgument.
    """

    type: np.dtype[Any]
    shape: tuple[int, ...]
    name: str | None = None

    def __init__(self, type: np.dtype[Any], shape: Sequence[int], name: str | None = None) -> None:  # noqa: A002  # MLflow's name
        import numpy as np

        if not isinstance(type, np.dtype):
            raise InvalidArgument(f'A TensorSpec has a numpy type, as np.dtype("float32"), not {type!r}')
        if type.kind in "US" and type.itemsize:
            raise InvalidArgument(f"Texts in tensors have no fixed length: np.dtype(str), not {type!r}")
        sizes = shape if isinstance(shape, (tuple, list)) else [None]
        if not all(isinstance(size, (int, np.integer)) for size in sizes):
            raise InvalidArgument(f"A TensorSpec's shape is a tuple of whole numbers, not {shape!r}")
        object.__setattr__(self, "type", type)
        object.__setattr__(self, "shape", tuple(int(size) for size in shape))
        object.__setattr__(self, "name", name)

    @property
    def required(self) -> bool:
        """True: tensors cannot be left out."""
        return True

    def __repr__(self) -> str:
        name = "" if self.name is None else f"{self.name!r}: "
        return f"{name}Tensor({_dtype_name(self.type)!r}, {self.shape})"

    def to_dict(self) -> dict[str, Any]:
        """MLflow's JSON: the name where there is one, `type` and `tensor-spec`."""
        name = {} if self.name is None else {"name": self.name}
        spec = {"dtype": _dtype_name(self.type), "shape": self.shape}
        return {**name, "type": "tensor", "tensor-spec": spec}

    @classmethod
    def from_json_dict(cls, /, **kwargs: Any) -> TensorSpec:
        """The tensor of MLflow's JSON. Raises InvalidArgument."""
        import numpy as np

        spec = kwargs.get("tensor-spec")
        if not isinstance(spec, Mapping) or not isinstance(spec.get("dtype"), str):
            raise InvalidArgument(f'The JSON of a tensor has a "tensor-spec" with its dtype, not {spec!r}')
        try:
            dtype = np.dtype(spec["dtype"])
        except (TypeError, ValueError):
            raise InvalidArgument(f"numpy knows no type {spec['dtype']!r}") from None
        return cls(dtype, spec.get("shape", ()), kwargs.get("name"))


def _dtype_name(dtype: np.dtype[Any]) -> str:
    return {"U": "str", "S": "bytes"}.get(dtype.kind) or str(dtype.name)


__all__ = ["ColSpec", "TensorSpec"]
