"""What the wire carries, as frozen values with MLflow's attribute names: the one place to find them all.

Each noun has a module of its own beside this one. `from_wire` takes the JSON object of MLflow's REST API,
`to_wire` gives it back. Integers may arrive as strings (protobuf's JSON does so) and non-finite numbers
always do. Times are milliseconds since the epoch.

A name brings its noun's module along when it is first used: a program that trains needs few of them.
"""

from __future__ import annotations

from tracking_client.late import late_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tracking_client.wire.datasets import Dataset, DatasetInput
    from tracking_client.wire.experiments import Experiment
    from tracking_client.wire.file_infos import FileInfo
    from tracking_client.wire.lifecycle import LifecycleStage, ViewType
    from tracking_client.wire.logged_model_uses import LoggedModelInput, LoggedModelOutput
    from tracking_client.wire.logged_models import LoggedModel, LoggedModelStatus
    from tracking_client.wire.metrics import Metric, number_to_wire
    from tracking_client.wire.model_versions import ModelVersion, ModelVersionStatus
    from tracking_client.wire.paging import PagedList
    from tracking_client.wire.pairs import (
        ExperimentTag,
        InputTag,
        LoggedModelParameter,
        LoggedModelTag,
        ModelVersionTag,
        Param,
        RegisteredModelTag,
        RunTag,
    )
    from tracking_client.wire.registered_models import RegisteredModel, RegisteredModelAlias
    from tracking_client.wire.runs import Run, RunData, RunInfo, RunInputs, RunOutputs, RunStatus

__all__ = [
    "Dataset",
    "DatasetInput",
    "Experiment",
    "ExperimentTag",
    "FileInfo",
    "InputTag",
    "LifecycleStage",
    "LoggedModel",
    "LoggedModelInput",
    "LoggedModelOutput",
    "LoggedModelParameter",
    "LoggedModelStatus",
    "LoggedModelTag",
    "Metric",
    "ModelVersion",
    "ModelVersionStatus",
    "ModelVersionTag",
    "PagedList",
    "Param",
    "RegisteredModel",
    "RegisteredModelAlias",
    "RegisteredModelTag",
    "Run",
    "RunData",
    "RunInfo",
    "RunInputs",
    "RunOutputs",
    "RunStatus",
    "RunTag",
    "ViewType",
    "number_to_wire",
]

_NOUNS = {
    "datasets": ("Dataset", "DatasetInput"),
    "experiments": ("Experiment",),
    "file_infos": ("FileInfo",),
    "lifecycle": ("LifecycleStage", "ViewType"),
    "logged_model_uses": ("LoggedModelInput", "LoggedModelOutput"),
    "logged_models": ("LoggedModel", "LoggedModelStatus"),
    "metrics": ("Metric", "number_to_wire"),
    "model_versions": ("ModelVersion", "ModelVersionStatus"),
    "paging": ("PagedList",),
    "pairs": (
        "ExperimentTag",
        "InputTag",
        "LoggedModelParameter",
        "LoggedModelTag",
        "ModelVersionTag",
        "Param",
        "RegisteredModelTag",
        "RunTag",
    ),
    "registered_models": ("RegisteredModel", "RegisteredModelAlias"),
    "runs": ("Run", "RunData", "RunInfo", "RunInputs", "RunOutputs", "RunStatus"),
}

if not TYPE_CHECKING:
    _HOMES = {name: f"wire.{noun}" for noun, names in _NOUNS.items() for name in names}
    __getattr__, __dir__ = late_names(__name__, _HOMES)
