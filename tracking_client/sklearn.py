"""scikit-learn, with the names of `mlflow.sklearn`: its models, and autologging."""

from tracking_client.late import late_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tracking_client.flavours.sklearn_models import load_model, log_model, save_model
    from tracking_client.integrations.sklearn_autolog import autolog

__all__ = ["autolog", "load_model", "log_model", "save_model"]

_HOMES = {
    "autolog": "integrations.sklearn_autolog",
    "load_model": "flavours.sklearn_models",
    "log_model": "flavours.sklearn_models",
    "save_model": "flavours.sklearn_models",
}

if not TYPE_CHECKING:
    __getattr__, __dir__ = late_names(__name__, _HOMES)
