"""Data sets to log as inputs of runs, with the names of `mlflow.data`.

Importing this costs nothing: a name brings its module along when it is first used, and a library of data
frames or arrays is imported only for what already comes from it.
"""

from tracking_client.late import late_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tracking_client.data.dataset import Dataset, MetaDataset
    from tracking_client.data.numpy_dataset import NumpyDataset, from_numpy
    from tracking_client.data.pandas_dataset import PandasDataset, from_pandas
    from tracking_client.data.polars_dataset import PolarsDataset, from_polars
    from tracking_client.data.source import DatasetSource, HTTPDatasetSource, resolved_source

__all__ = [
    "Dataset",
    "DatasetSource",
    "HTTPDatasetSource",
    "MetaDataset",
    "NumpyDataset",
    "PandasDataset",
    "PolarsDataset",
    "from_numpy",
    "from_pandas",
    "from_polars",
    "resolved_source",
]

_HOMES = {
    "Dataset": "dataset",
    "DatasetSource": "source",
    "HTTPDatasetSource": "source",
    "MetaDataset": "dataset",
    "NumpyDataset": "numpy_dataset",
    "PandasDataset": "pandas_dataset",
    "PolarsDataset": "polars_dataset",
    "from_numpy": "numpy_dataset",
    "from_pandas": "pandas_dataset",
    "from_polars": "polars_dataset",
    "resolved_source": "source",
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = late_names(__name__, {name: f"data.{home}" for name, home in _HOMES.items()})
