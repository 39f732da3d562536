"""A tracking client with MLflow's names: `import tracking_client as mlflow` is a migration.

Importing this costs nothing: a name brings its module along when it is first used.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tracking_client import artifacts, data, keras, models, pyfunc, sklearn, tensorflow, types
    from tracking_client.client import TrackingClient
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
        flush_async_logging,
        get_experiment,
        get_experiment_by_name,
        get_parent_run,
        get_run,
        get_tracking_uri,
        is_tracking_uri_set,
        last_active_run,
        log_metric,
        log_metrics,
        log_param,
        log_params,
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
    from tracking_client.fluent_artifacts import (
        get_artifact_uri,
        load_table,
        log_artifact,
        log_artifacts,
        log_dict,
        log_figure,
        log_image,
        log_stream,
        log_table,
        log_text,
    )
    from tracking_client.fluent_inputs import (
        log_input,
        log_inputs,
    )
    from tracking_client.fluent_logged_models import (
        create_external_model,
        delete_logged_model_tag,
        finalize_logged_model,
        get_logged_model,
        initialize_logged_model,
        last_logged_model,
        log_model_params,
        log_outputs,
        search_logged_models,
        set_logged_model_tags,
    )
    from tracking_client.fluent_registry import (
        delete_model_version_tag,
        delete_registered_model_alias,
        register_model,
        search_model_versions,
        search_registered_models,
        set_model_version_tag,
        set_registered_model_alias,
    )
    from tracking_client.images import Image
    from tracking_client.integrations.every_library import autolog
    from tracking_client.mlflow_client import MlflowClient
    from tracking_client.run import ActiveRun
    from tracking_client.system_metrics.settings import (
        disable_system_metrics_logging,
        enable_system_metrics_logging,
        set_system_metrics_node_id,
        set_system_metrics_samples_before_logging,
        set_system_metrics_sampling_interval,
    )
    from tracking_client.wire import entities
    from tracking_client.wire.entities import (
        Dataset,
        DatasetInput,
        Experiment,
        FileInfo,
        InputTag,
        LoggedModel,
        LoggedModelInput,
        LoggedModelOutput,
        LoggedModelStatus,
        Metric,
        ModelVersion,
        Param,
        RegisteredModel,
        Run,
        RunData,
        RunInfo,
        RunInputs,
        RunOutputs,
        RunStatus,
        RunTag,
        ViewType,
    )

__all__ = [
    "ActiveRun",
    "Dataset",
    "DatasetInput",
    "Experiment",
    "FileInfo",
    "Image",
    "InputTag",
    "LoggedModel",
    "LoggedModelInput",
    "LoggedModelOutput",
    "LoggedModelStatus",
    "Metric",
    "MlflowClient",
    "ModelVersion",
    "Param",
    "RegisteredModel",
    "Run",
    "RunContext",
    "RunData",
    "RunInfo",
    "RunInputs",
    "RunOutputs",
    "RunStatus",
    "RunTag",
    "TrackingClient",
    "TrackingError",
    "ViewType",
    "active_run",
    "artifacts",
    "autolog",
    "create_experiment",
    "create_external_model",
    "data",
    "delete_experiment",
    "delete_experiment_tag",
    "delete_logged_model_tag",
    "delete_model_version_tag",
    "delete_registered_model_alias",
    "delete_run",
    "delete_tag",
    "disable_system_metrics_logging",
    "enable_system_metrics_logging",
    "end_run",
    "entities",
    "finalize_logged_model",
    "flush_async_logging",
    "get_artifact_uri",
    "get_experiment",
    "get_experiment_by_name",
    "get_logged_model",
    "get_parent_run",
    "get_run",
    "get_tracking_uri",
    "initialize_logged_model",
    "is_tracking_uri_set",
    "keras",
    "last_active_run",
    "last_logged_model",
    "load_table",
    "log_artifact",
    "log_artifacts",
    "log_dict",
    "log_figure",
    "log_image",
    "log_input",
    "log_inputs",
    "log_metric",
    "log_metrics",
    "log_model_params",
    "log_outputs",
    "log_param",
    "log_params",
    "log_stream",
    "log_table",
    "log_text",
    "models",
    "pyfunc",
    "register_model",
    "restore_experiment",
    "restore_run",
    "search_experiments",
    "search_logged_models",
    "search_model_versions",
    "search_registered_models",
    "search_runs",
    "set_experiment",
    "set_experiment_tag",
    "set_experiment_tags",
    "set_logged_model_tags",
    "set_model_version_tag",
    "set_registered_model_alias",
    "set_system_metrics_node_id",
    "set_system_metrics_samples_before_logging",
    "set_system_metrics_sampling_interval",
    "set_tag",
    "set_tags",
    "set_tracking_uri",
    "sklearn",
    "start_run",
    "tensorflow",
    "types",
]

_MODULES = {
    "artifacts": "artifacts",
    "data": "data",
    "entities": "wire.entities",
    "keras": "keras",
    "models": "models",
    "pyfunc": "pyfunc",
    "sklearn": "sklearn",
    "tensorflow": "tensorflow",
    "types": "types",
}
_ELSEWHERE = {
    "fluent_artifacts": (
        "get_artifact_uri",
        "load_table",
        "log_artifact",
        "log_artifacts",
        "log_dict",
        "log_figure",
        "log_image",
        "log_stream",
        "log_table",
        "log_text",
    ),
    "fluent_inputs": ("log_input", "log_inputs"),
    "fluent_logged_models": (
        "create_external_model",
        "delete_logged_model_tag",
        "finalize_logged_model",
        "get_logged_model",
        "initialize_logged_model",
        "last_logged_model",
        "log_model_params",
        "log_outputs",
        "search_logged_models",
        "set_logged_model_tags",
    ),
    "fluent_registry": (
        "delete_model_version_tag",
        "delete_registered_model_alias",
        "register_model",
        "search_model_versions",
        "search_registered_models",
        "set_model_version_tag",
        "set_registered_model_alias",
    ),
    "integrations.every_library": ("autolog",),
    "system_metrics.settings": (
        "disable_system_metrics_logging",
        "enable_system_metrics_logging",
        "set_system_metrics_node_id",
        "set_system_metrics_samples_before_logging",
        "set_system_metrics_sampling_interval",
    ),
}
_HOMES = {
    **{name: home for home, names in _ELSEWHERE.items() for name in names},
    "ActiveRun": "run",
    "Image": "images",
    "MlflowClient": "mlflow_client",
    "RunContext": "context",
    "TrackingClient": "client",
    "TrackingError": "errors",
}


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """The public name, from the module where it lives (PEP 562)."""
        from importlib import import_module

        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        if name in _MODULES:
            return import_module(f"{__name__}.{_MODULES[name]}")
        home = _HOMES.get(name) or ("wire.entities" if name[0].isupper() else "fluent")
        value = getattr(import_module(f"{__name__}.{home}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
