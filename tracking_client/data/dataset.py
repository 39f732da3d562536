"""What all data sets have, and a data set of which only the description is known."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

from tracking_client.data.source import DatasetSource
from tracking_client.wire import entities

DEFAULT_NAME = "dataset"


class Dataset(ABC):
    """A data set: name, digest, source, and where it has them schema and profile.

    `name` is "dataset" and `digest` computed from the data where they are not given. Not changed once made;
    safe in threads as far as the data is.
    """

    def __init__(self, source: DatasetSource, name: str | None = None, digest: str | None = None) -> None:
        self.source = source
        self.name = DEFAULT_NAME if name is None else name
        self._digest = digest

    @cached_property
    def digest(self) -> str:
        """Eight hexadecimal digits by which the same data is known again, as MLflow computes them."""
        return self._computed_digest() if self._digest is None else self._digest

    @property
    @abstractmethod
    def schema(self) -> dict[str, Any] | None:
        """The schema in the JSON form that MLflow records; None where none can be told."""

    @property
    @abstractmethod
    def profile(self) -> dict[str, Any] | None:
        """Numbers about the size of the data; None where they are not known."""

    @abstractmethod
    def _computed_digest(self) -> str:
        """The digest of the data."""

    def to_dict(self) -> dict[str, str | None]:
        """Name, digest, source, source type, schema and profile as texts, in MLflow's order."""
        return self._identity() | {
            "schema": None if self.schema is None else json.dumps(self.schema, default=str),
            "profile": None if self.profile is None else json.dumps(self.profile),
        }

    def to_json(self) -> str:
        """The same as one JSON text."""
        return json.dumps(self.to_dict())

    def to_entity(self) -> entities.Dataset:
        """The data set as the wire carries it."""
        told = self.to_dict()
        return entities.Dataset(
            name=self.name,
            digest=self.digest,
            source_type=self.source.source_type,
            source=self.source.to_json(),
            schema=told.get("schema"),
            profile=told.get("profile"),
        )

    def _identity(self) -> dict[str, str | None]:
        return {
            "name": self.name,
            "digest": self.digest,
            "source": self.source.to_json(),
            "source_type": self.source.source_type,
        }


class MetaDataset(Dataset):
    """A data set that is not here: only where it comes from, and its schema in MLflow's JSON form."""

    def __init__(
        self,
        source: DatasetSource,
        name: str | None = None,
        digest: str | None = None,
        schema: dict[str, Any] | list[dict[str, Any]] | None = None,
    ) -> None:
        super().__init__(source, name, digest)
        self._columns = schema.get("mlflow_colspec", schema) if isinstance(schema, dict) else schema

    @property
    def schema(self) -> dict[str, Any] | None:
        """The schema that was given."""
        return None if self._columns is None else {"mlflow_colspec": self._columns}

    @property
    def profile(self) -> dict[str, Any] | None:
        """None: the data is not here."""
        return None

    def to_dict(self) -> dict[str, str | None]:
        """Name, digest, source and source type, and the schema where there is one."""
        schema = {} if self.schema is None else {"schema": json.dumps(self.schema)}
        return self._identity() | schema

    def _computed_digest(self) -> str:
        # MLflow's: of the description, since the data is not here.
        described = {
            "name": self.name,
            "source": self.source.to_json(),
            "source_type": self.source.source_type,
            "schema": self._columns or "",
        }
        return hashlib.sha256(json.dumps(described).encode()).hexdigest()[:8]


__all__ = ["DEFAULT_NAME", "Dataset", "MetaDataset"]
