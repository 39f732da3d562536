"""NumPy arrays as a data set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

from tracking_client.data.dataset import Dataset
from tracking_client.data.digest import arrays_digest
from tracking_client.data.schema import arrays_schema
from tracking_client.data.source import DatasetSource, resolved_source
from tracking_client.errors import InvalidArgument

if TYPE_CHECKING:
    import numpy as np

    Arrays = np.ndarray | Mapping[str, np.ndarray]


class NumpyDataset(Dataset):
    """Arrays of features and, where there are, of targets; each one array or several by name.

    Raises InvalidArgument for what is no array, and where there is none at all.
    """

    def __init__(
        self,
        features: Arrays,
        source: DatasetSource,
        targets: Arrays | None = None,
        name: str | None = None,
        digest: str | None = None,
    ) -> None:
        _require_arrays("features", features)
        if targets is not None:
            _require_arrays("targets", targets)
        super().__init__(source, name, digest)
        self.features = features
        self.targets = targets

    @property
    def schema(self) -> dict[str, Any] | None:
        """Types and shapes of the arrays."""
        return arrays_schema(self.features, self.targets)

    @property
    def profile(self) -> dict[str, Any]:
        """Shapes, numbers of values, and sizes in bytes."""
        profile = {}
        for what, group in (("features", self.features), ("targets", self.targets)):
            if group is not None:
                profile[f"{what}_shape"] = _of_each(group, lambda array: list(array.shape))
                profile[f"{what}_size"] = _of_each(group, lambda array: int(array.size))
                profile[f"{what}_nbytes"] = _of_each(group, lambda array: int(array.nbytes))
        return profile

    def _computed_digest(self) -> str:
        return arrays_digest(self.features, self.targets)


def from_numpy(
    features: Arrays,
    source: DatasetSource | str | PathLike[str] | None = None,
    targets: Arrays | None = None,
    name: str | None = None,
    digest: str | None = None,
) -> NumpyDataset:
    """The data set of arrays that were read from `source`, a path or URI.

    Raises InvalidArgument for what is no array and sources of an unknown kind.
    """
    return NumpyDataset(features, resolved_source(source), targets, name, digest)


def _of_each(group: Arrays, measure: Callable[[np.ndarray], Any]) -> Any:
    if isinstance(group, Mapping):
        return {name: measure(array) for name, array in group.items()}
    return measure(group)


def _require_arrays(what: str, group: Arrays) -> None:
    arrays = list(group.values()) if isinstance(group, Mapping) else [group]
    if not arrays or not all(hasattr(array, "flatten") and hasattr(array, "nbytes") for array in arrays):
        raise InvalidArgument(f"the {what} must be a numpy array or a dict of some by name")


__all__ = ["NumpyDataset", "from_numpy"]
