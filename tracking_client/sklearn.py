"""scikit-learn, with the names of `mlflow.sklearn`. A name brings its module along when it is first used."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tracking_client.flavours.sklearn_models import load_model, log_model, save_model

__all__ = ["load_model", "log_model", "save_model"]

_HOMES = dict.fromkeys(__all__, "flavours.sklearn_models")

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
