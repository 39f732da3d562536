"""What data is made of: the schema of a data set, and of parameters, from examples of them."""

from tracking_client.models.inference.datasets import infer_schema
from tracking_client.models.inference.parameters import infer_param_schema

__all__ = ["infer_param_schema", "infer_schema"]
