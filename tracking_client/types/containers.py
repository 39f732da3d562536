"""What a value of the user's is, asked without importing the library that it comes from.

A value can only be of a library that is loaded already, so that asking costs a look into `sys.modules`.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


_OTHERS = ("numpy", "pandas", "polars", "scipy")  # what has a shape and is no tensor


def loaded(name: str) -> ModuleType | None:
    """The module where it is loaded; a value of it cannot exist otherwise."""
    return sys.modules.get(name)


def _is(value: Any, module: str, *names: str) -> bool:
    library = loaded(module)
    kinds = [kind for name in names if isinstance(kind := getattr(library, name, None), type)]
    return isinstance(value, tuple(kinds))


def is_array(value: Any) -> bool:
    """A numpy array of any number of dimensions."""
    return _is(value, "numpy", "ndarray")


def is_numpy_scalar(value: Any) -> bool:
    """A scalar with a numpy type, such as `np.int32(1)`."""
    return _is(value, "numpy", "generic")


def is_sparse(value: Any) -> bool:
    """A scipy sparse matrix or array of any format."""
    library = loaded("scipy.sparse")
    return library is not None and bool(library.issparse(value))


def is_frame(value: Any) -> bool:
    """A pandas DataFrame."""
    return _is(value, "pandas", "DataFrame")


def is_series(value: Any) -> bool:
    """A pandas Series."""
    return _is(value, "pandas", "Series")


def is_polars(value: Any) -> bool:
    """A polars DataFrame, LazyFrame or Series."""
    return _is(value, "polars", "DataFrame", "LazyFrame", "Series")


def is_list_like(value: Any) -> bool:
    """A list, or an array with at least one dimension: what an `Array` type describes."""
    return isinstance(value, list) or (is_array(value) and value.ndim > 0)


def is_missing(value: Any) -> bool:
    """None, a NaN, pandas' NA or a NaT: a value that is not there."""
    if value is None:
        return True
    if isinstance(value, float) or (is_numpy_scalar(value) and value.dtype.kind in "fcmM"):
        return bool(value != value)  # only NaN and NaT are not themselves
    pandas = loaded("pandas")
    return pandas is not None and (value is pandas.NA or value is pandas.NaT)


def array_of_tensor(value: Any) -> np.ndarray[Any, Any] | None:
    """The numpy array of a TensorFlow, PyTorch or JAX tensor; None for what is no tensor.

    A PyTorch tensor is detached from its graph and brought to the CPU first.
    """
    if (
        not hasattr(value, "shape")
        or not hasattr(value, "dtype")
        or type(value).__module__.startswith(_OTHERS)
    ):
        return None
    for step in ("detach", "cpu"):
        value = getattr(value, step)() if hasattr(value, step) else value
    if hasattr(value, "numpy"):
        value = value.numpy()
    elif hasattr(value, "__array__"):
        value = value.__array__()
    return value if is_array(value) else None


def kind_of(value: Any) -> str:
    """How an error message calls the value: its type, and an array's or a column's element type."""
    if value is None:
        return "None"
    if is_array(value) or is_sparse(value):
        return f"{type(value).__name__} of {value.dtype} with shape {tuple(value.shape)}"
    if is_series(value):
        return f"Series of {value.dtype}"
    kind = type(value)
    library = kind.__module__.partition(".")[0]
    return kind.__name__ if library == "builtins" else f"{library}.{kind.__name__}"


__all__ = [
    "array_of_tensor",
    "is_array",
    "is_frame",
    "is_list_like",
    "is_missing",
    "is_numpy_scalar",
    "is_polars",
    "is_series",
    "is_sparse",
    "kind_of",
    "loaded",
]
