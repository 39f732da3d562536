"""Whether data is what a signature says, and what a model is given of it."""

from tracking_client.models.enforcement.parameters import enforce_params
from tracking_client.models.enforcement.schemas import enforce_schema, validate_schema

__all__ = ["enforce_params", "enforce_schema", "validate_schema"]
