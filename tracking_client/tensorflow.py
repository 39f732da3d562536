"""TensorFlow's Keras, with the names of `mlflow.tensorflow`: its models, autologging, a callback."""

from tracking_client.late import late_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tracking_client.flavours.tensorflow_models import load_model, log_model, save_model
    from tracking_client.integrations.tensorflow_names import MlflowCallback, autolog

__all__ = ["MlflowCallback", "autolog", "load_model", "log_model", "save_model"]

_HOMES = {
    "MlflowCallback": "integrations.tensorflow_names",
    "autolog": "integrations.tensorflow_names",
    "load_model": "flavours.tensorflow_models",
    "log_model": "flavours.tensorflow_models",
    "save_model": "flavours.tensorflow_models",
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = late_names(__name__, _HOMES)
