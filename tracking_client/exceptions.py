"""`MlflowException`, with the name of `mlflow.exceptions`: any error that the client raises on purpose."""

from tracking_client.errors import MlflowException

__all__ = ["MlflowException"]
