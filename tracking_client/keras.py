"""Keras 3, with the names of `mlflow.keras`: its models, autologging, a callback."""

from tracking_client.late import late_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tracking_client.flavours.keras_models import load_model, log_model, save_model
    from tracking_client.integrations.keras_names import MlflowCallback, autolog

__all__ = ["MlflowCallback", "autolog", "load_model", "log_model", "save_model"]

_HOMES = {
    "MlflowCallback": "integrations.keras_names",
    "autolog": "integrations.keras_names",
    "load_model": "flavours.keras_models",
    "log_model": "flavours.keras_models",
    "save_model": "flavours.keras_models",
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = late_names(__name__, _HOMES)
