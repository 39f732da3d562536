"""Digests of data frames and arrays: equal data has equal digests here and in MLflow.

The recipe is MLflow's (`mlflow.data`, version 3): the MD5, of which eight digits are kept, of pandas' hashes
of the first 10,000 rows, the size, and the names of columns. It identifies data and protects nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_HASHED = 10_000


def frame_digest(frame: pd.DataFrame) -> str:
    """The digest of a data frame. Only columns of numbers and of nothing but texts are hashed by value."""
    import numpy as np
    import pandas as pd

    head = frame.head(_HASHED)
    texts = frame.columns[[_is_text(frame.iloc[:, place]) for place in range(frame.shape[1])]]
    hashed = head[texts.union(head.select_dtypes(include=[np.number]).columns)]
    names = [str(name).encode() for name in frame.columns]
    return _digest([pd.util.hash_pandas_object(hashed).to_numpy().tobytes(), _whole(len(frame)), *names])


def arrays_digest(*groups: np.ndarray | Mapping[str, np.ndarray] | None) -> str:
    """The digest of arrays and of arrays by name, the latter in the order of their names."""
    parts: list[bytes] = []
    for group in groups:
        if group is None:
            continue
        arrays = [group[name] for name in sorted(group)] if isinstance(group, Mapping) else [group]
        for array in arrays:
            parts += [_array_hash(array), *map(_whole, array.shape)]
    return _digest(parts)


def _is_text(column: pd.Series[Any]) -> bool:
    # A column of numbers is told by its type, and need not be walked.
    return not len(column) or (
        column.dtype.kind not in "biufcmM" and all(type(value) is str for value in column)
    )


def _array_hash(array: np.ndarray) -> bytes:
    import pandas as pd

    head = array.flatten()[:_HASHED]
    try:
        return bytes(pd.util.hash_array(head).tobytes())
    except TypeError:
        return _whole(head.size)


def _whole(value: int) -> bytes:
    import numpy as np

    return bytes(np.int64(value).tobytes())


def _digest(parts: Iterable[bytes]) -> str:
    return hashlib.md5(b"".join(parts), usedforsecurity=False).hexdigest()[:8]


__all__ = ["arrays_digest", "frame_digest"]
