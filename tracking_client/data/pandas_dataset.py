"""A pandas data frame as a data set."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

from tracking_client.data.dataset import Dataset
from tracking_client.data.digest import frame_digest
from tracking_client.data.schema import frame_schema
from tracking_client.data.source import DatasetSource, resolved_source
from tracking_client.errors import InvalidArgument

if TYPE_CHECKING:
    import pandas as pd


class PandasDataset(Dataset):
    """A pandas data frame, and which of its columns are targets and predictions.

    Raises InvalidArgument where it has no such column, or is no data frame.
    """

    def __init__(
        self,
        df: pd.DataFrame,
        source: DatasetSource,
        targets: str | None = None,
        name: str | None = None,
        digest: str | None = None,
        predictions: str | None = None,
    ) -> None:
        if not hasattr(df, "select_dtypes"):
            raise InvalidArgument(f"a pandas DataFrame is needed, not a {type(df).__name__}")
        for what, column in (("targets", targets), ("predictions", predictions)):
            if column is not None and column not in df.columns:
                raise InvalidArgument(
                    f"The specified pandas DataFrame does not contain the specified {what} column '{column}'."
                )
        super().__init__(source, name, digest)
        self.df = df
        self.targets = targets
        self.predictions = predictions

    @property
    def schema(self) -> dict[str, Any] | None:
        """The columns with their types."""
        return frame_schema(self.df)

    @property
    def profile(self) -> dict[str, Any]:
        """Numbers of rows and of values."""
        return {"num_rows": len(self.df), "num_elements": int(self.df.size)}

    def _computed_digest(self) -> str:
        return frame_digest(self.df)


def from_pandas(
    df: pd.DataFrame,
    source: DatasetSource | str | PathLike[str] | None = None,
    targets: str | None = None,
    name: str | None = None,
    digest: str | None = None,
    predictions: str | None = None,
) -> PandasDataset:
    """The data set of a data frame that was read from `source`, a path or URI.

    Raises InvalidArgument for columns that are not there and sources of an unknown kind.
    """
    return PandasDataset(df, resolved_source(source), targets, name, digest, predictions)


__all__ = ["PandasDataset", "from_pandas"]
