"""The tensor that an array is; its first axis, the examples, may have any length."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracking_client.errors import InvalidArgument
from tracking_client.types.specs import TensorSpec


def spec_of_array(array: Any, name: str | None = None) -> TensorSpec:
    """The tensor of a numpy array or a scipy sparse matrix. Raises InvalidArgument.

    An array without axes has the shape (). Byte order and the length of texts are not part of a tensor.
    """
    dtype = array.dtype
    if dtype.kind in "UT":
        dtype = np.dtype(str)
    elif dtype.kind == "S":
        dtype = np.dtype(bytes)
    elif dtype.kind == "V":
        of = "fields cannot be one tensor: give each field by itself" if dtype.names else "raw bytes are none"
        raise InvalidArgument(f"{name or 'The array'} is {dtype}, and a tensor has numbers or texts; {of}")
    shape = (-1, *array.shape[1:]) if array.ndim else ()
    return TensorSpec(dtype.newbyteorder("="), shape, name)


__all__ = ["spec_of_array"]
