"""What a run in a directory `mlruns/` has read and made: `inputs/` and `outputs/`, and `datasets/` above."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tracking_server.importing import yaml_files
from tracking_server.importing.records import Problem
from tracking_server.importing.yaml_files import Noticed, integer, text
from tracking_server.store.records import (
    Dataset,
    DatasetInput,
    ModelInput,
    ModelOutput,
    RunInputs,
    RunOutputs,
    Tag,
)


def inputs_of(run: Path, noticed: Noticed) -> RunInputs:
    """The datasets and logged models that a run read."""
    datasets: list[DatasetInput] = []
    models: list[ModelInput] = []
    for directory in yaml_files.subdirectories(run / "inputs", noticed):
        meta = yaml_files.read(directory / "meta.yaml", "input", noticed)
        if meta is None:
            continue
        source_id = text(meta.get("source_id"))
        if meta.get("source_type") == "MODEL":
            models.append(ModelInput(source_id))
        elif meta.get("source_type") == "DATASET":
            used = _dataset(run.parent / "datasets" / Path(source_id).name, meta.get("tags"), noticed)
            datasets.extend([] if used is None else [used])
        else:
            why = f"it is neither a dataset nor a model: {meta.get('source_type')!r}"
            noticed.append(Problem(kind="input", what=str(directory), why=why))
    return RunInputs(dataset_inputs=tuple(datasets), model_inputs=tuple(models))


def _dataset(directory: Path, tags: Any, noticed: Noticed) -> DatasetInput | None:
    meta = yaml_files.read(directory / "meta.yaml", "dataset", noticed)
    if meta is None:
        return None
    schema, profile = meta.get("schema"), meta.get("profile")
    return DatasetInput(
        dataset=Dataset(
            name=text(meta.get("name")),
            digest=text(meta.get("digest")),
            source_type=text(meta.get("source_type")),
            source=text(meta.get("source")),
            schema=None if schema is None else str(schema),
            profile=None if profile is None else str(profile),
        ),
        tags=tuple(Tag(str(key), text(value)) for key, value in tags.items())
        if isinstance(tags, dict)
        else (),
    )


def outputs_of(run: Path, noticed: Noticed) -> RunOutputs:
    """The logged models that a run made."""
    made: list[ModelOutput] = []
    for directory in yaml_files.subdirectories(run / "outputs", noticed):
        meta = yaml_files.read(directory / "meta.yaml", "output", noticed)
        if meta is not None:
            model_id = text(meta.get("destination_id")) or directory.name
            made.append(ModelOutput(model_id, integer(meta.get("step"), 0)))
    return RunOutputs(model_outputs=tuple(made))
