"""The types of data that models take and give, with the names of `mlflow.types`.

Importing this loads nothing but the standard library; numpy comes with the first tensor.
"""

from tracking_client.types.data_type import DataType
from tracking_client.types.nested import AnyType, Array, Map, Object, Property
from tracking_client.types.params import ParamSchema, ParamSpec
from tracking_client.types.schema import Schema
from tracking_client.types.specs import ColSpec, TensorSpec

__all__ = [
    "AnyType",
    "Array",
    "ColSpec",
    "DataType",
    "Map",
    "Object",
    "ParamSchema",
    "ParamSpec",
    "Property",
    "Schema",
    "TensorSpec",
]
