"""Models to predict with, with the names of `mlflow.pyfunc`. A name brings its module when it is used."""

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

_HOMES = dict.fromkeys(__all__, "flavours.pyfunc_models")

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """The public name, from the module where it lives (PEP 562)."""
        from importlib import import_module

        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"tracking_client.{_HOMES[name]}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
