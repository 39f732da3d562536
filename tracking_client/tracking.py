"""The client and the tracking URI, with the names of `mlflow.tracking`.

A name brings its module when it is used.
"""

from tracking_client.late import late_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tracking_client.mlflow_client import MlflowClient
    from tracking_client.tracking_uri import get_tracking_uri, is_tracking_uri_set, set_tracking_uri

__all__ = ["MlflowClient", "get_tracking_uri", "is_tracking_uri_set", "set_tracking_uri"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = late_names(
        __name__,
        {name: "mlflow_client" if name == "MlflowClient" else "tracking_uri" for name in __all__},
    )
