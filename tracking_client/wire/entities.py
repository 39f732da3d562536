"""What the wire carries, as frozen values with MLflow's attribute names: the one place to find them all.

Each noun has a module of its own beside this one. `from_wire` takes the JSON object of MLflow's REST API,
`to_wire` gives it back. Integers may arrive as strings (protobuf's JSON does so) and non-finite numbers
always do. Times are milliseconds since the epoch.
"""

from __future__ import annotations

from tracking_client.wire.datasets import Dataset, DatasetInput
from tracking_client.wire.experiments import Experiment
from tracking_client.wire.file_infos import FileInfo
from tracking_client.wire.lifecycle import LifecycleStage, ViewType
from tracking_client.wire.logged_models import (
    LoggedModel,
    LoggedModelInput,
    LoggedModelOutput,
    LoggedModelStatus,
)
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
