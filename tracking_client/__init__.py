"""A tracking client with MLflow's names: `import tracking_client as mlflow` is a migration.

Importing this costs nothing: a name brings its module along when it is first used.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tracking_client import models, types
    from tracking_client.client import MlflowClient, TrackingClient
    from tracking_client.context import RunContext
    from tracking_client.errors import TrackingError
    from tracking_client.fluent import (
        active_run,
        create_experiment,
        delete_experiment,
        delete_experiment_tag,
        delete_run,
        delete_tag,
        end_run,
        get_artifact_uri,
        get_experiment,
        get_experiment_by_name,
        get_parent_run,
        get_run,
        get_tracking_uri,
        is_tracking_uri_set,
        last_active_run,
        log_artifact,
        log_artifacts,
        log_dict,
        log_figure,
        log_metric,
        log_metrics,
        log_param,
        log_params,
        log_text,
        restore_experiment,
        restore_run,
        search_experiments,
        search_runs,
        set_experiment,
        set_experiment_tag,
        set_experiment_tags,
        set_tag,
        set_tags,
        set_tracking_uri,
        start_run,
    )
    from tracking_client.run import ActiveRun
    from tracking_client.wire.entities import (
        Experiment,
        FileInfo,
        Metric,
        Param,
        Run,
        RunData,
        RunInfo,
        RunStatus,
        RunTag,
        ViewType,
    )

__all__ = [
    "ActiveRun",
    "Experiment",
    "FileInfo",
    "Metric",
    "MlflowClient",
    "Param",
    "Run",
    "RunContext",
    "RunData",
    "RunInfo",
    "RunStatus",
    "RunTag",
    "TrackingClient",
    "TrackingError",
    "ViewType",
    "active_run",
    "create_experiment",
    "delete_experiment",
    "delete_experiment_tag",
    "delete_run",
    "delete_tag",
    "end_run",
    "get_artifact_uri",
    "get_experiment",
    "get_experiment_by_name",
    "get_parent_run",
    "get_run",
    "get_tracking_uri",
    "is_tracking_uri_set",
    "last_active_run",
    "log_artifact",
    "log_artifacts",
    "log_dict",
    "log_figure",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "log_text",
    "models",
    "restore_experiment",
    "restore_run",
    "search_experiments",
    "search_runs",
    "set_experiment",
    "set_experiment_tag",
    "set_experiment_tags",
    "set_tag",
    "set_tags",
    "set_tracking_uri",
    "start_run",
    "types",
]

_HOMES = {
    "ActiveRun": "run",
    "MlflowClient": "client",
    "RunContext": "context",
    "TrackingClient": "client",
    "TrackingError": "errors",
}

_PACKAGES = ("models", "types")

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """The public name, from the module where it lives (PEP 562)."""
        from importlib import import_module

        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        if name in _PACKAGES:
            return import_module(f"{__name__}.{name}")
        home = _HOMES.get(name) or ("wire.entities" if name[0].isupper() else "fluent")
        value = getattr(import_module(f"{__name__}.{home}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
