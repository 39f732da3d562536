"""Models to predict with, with the names of `mlflow.pyfunc`. A name brings its module when it is used."""

from tracking_client.late import late_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tracking_client.flavours.pyfunc_models import (
        PyFuncModel,
        PythonModel,
        PythonModelContext,
        load_model,
        log_model,
        save_model,
    )

__all__ = [
    "PyFuncModel",
    "PythonModel",
    "PythonModelContext",
    "load_model",
    "log_model",
    "save_model",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = late_names(__name__, dict.fromkeys(__all__, "flavours.pyfunc_models"))
