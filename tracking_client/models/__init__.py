"""What models take and give, with the names of `mlflow.models`.

Importing this loads nothing but the standard library.
"""

from tracking_client.models.code_model import set_model
from tracking_client.models.enforcement import enforce_params, enforce_schema, validate_schema
from tracking_client.models.inference import infer_param_schema, infer_schema
from tracking_client.models.mlmodel_file import Model
from tracking_client.models.model_info import ModelInfo
from tracking_client.models.signature import ModelSignature, infer_signature

__all__ = [
    "Model",
    "ModelInfo",
    "ModelSignature",
    "enforce_params",
    "enforce_schema",
    "infer_param_schema",
    "infer_schema",
    "infer_signature",
    "set_model",
    "validate_schema",
]
