"""What models take and give, with the names of `mlflow.models`.

Importing this loads nothing but the standard library.
"""

from tracking_client.models.enforcement import enforce_params, enforce_schema, validate_schema
from tracking_client.models.inference import infer_param_schema, infer_schema
from tracking_client.models.signature import ModelSignature, infer_signature

__all__ = [
    "ModelSignature",
    "enforce_params",
    "enforce_schema",
    "infer_param_schema",
    "infer_schema",
    "infer_signature",
    "validate_schema",
]
