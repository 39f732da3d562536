"""What is recorded of a data set, whoever's class it is of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracking_client.data.dataset import Dataset
from tracking_client.errors import InvalidArgument
from tracking_client.wire import entities
from tracking_client.wire.fields import text


def entity_of(dataset: Any) -> entities.Dataset:
    """Name, digest, source, schema and profile of a data set of `tracking_client.data` or `mlflow.data`.

    Raises InvalidArgument for anything else.
    """
    if isinstance(dataset, entities.Dataset):
        return dataset
    if isinstance(dataset, Dataset):
        return dataset.to_entity()
    # MLflow's own: its dictionary has what is recorded.
    told = dataset.to_dict() if hasattr(dataset, "to_dict") else None
    if not isinstance(told, Mapping) or not {"name", "digest", "source", "source_type"} <= told.keys():
        raise InvalidArgument(
            f"a {type(dataset).__name__} is no data set: make one of it with "
            "tracking_client.data.from_pandas, from_numpy or MetaDataset"
        )
    return entities.Dataset(
        name=str(told["name"]),
        digest=str(told["digest"]),
        source_type=str(told["source_type"]),
        source=str(told["source"]),
        schema=text(told.get("schema")),
        profile=text(told.get("profile")),
    )


__all__ = ["entity_of"]
