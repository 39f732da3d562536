"""From a database of MLflow itself: its own schema, of 2.x or 3.x, only read.

Columns and tables that an older MLflow did not have are found out by looking. Nothing is read for longer
than a page, so that a server may go on writing to the database meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Table, select

from tracking_server.importing.database_models import logged_models, model_points, registered_models, versions
from tracking_server.importing.database_pages import Reader
from tracking_server.importing.local_tree import local_directory, own_tree
from tracking_server.importing.protocols import (
    Source,
    SourceError,
    SourceModel,
    SourceRegistered,
    SourceRun,
    SourceVersion,
    Tree,
)
from tracking_server.importing.records import Point, Problem
from tracking_server.store.records import (
    Dataset,
    DatasetInput,
    Experiment,
    LoggedModel,
    Metric,
    ModelInput,
    ModelOutput,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunOutputs,
    wire_float,
)

RUNS_PER_PAGE = 200


class DatabaseSource:
    """A database of MLflow. Raises SourceError where it cannot be read or is of something else.

    `proxied` is where `mlflow-artifacts:` URIs lead: the `--artifacts-destination` of its server.
    """

    def __init__(self, uri: str, *, proxied: Path | None = None) -> None:
        self._proxied = proxied
        self._reader = Reader(uri)
        if not self._reader.has("experiments", "runs", "metrics", "params", "tags"):
            raise SourceError(f"{self._reader.name} is not a database of MLflow: its tables are missing")

    def experiments(self) -> Iterator[Experiment]:
        """See `Source.experiments`."""
        table = self._reader.table("experiments")
        for page in self._reader.pages(self._reader.select(table), table.c.experiment_id, RUNS_PER_PAGE):
            tags = self._reader.tags("experiment_tags", "experiment_id", [row.experiment_id for row in page])
            for row in page:
                found = row._mapping
                created = found.get("creation_time") or 0
                yield Experiment(
                    experiment_id=str(row.experiment_id),
                    name=row.name,
                    artifact_location=row.artifact_location or "",
                    lifecycle_stage=row.lifecycle_stage or "active",
                    creation_time=created,
                    last_update_time=found.get("last_update_time") or created,
                    tags=tags.get(row.experiment_id, ()),
                )

    def runs(self, experiment: Experiment) -> Iterator[SourceRun]:
        """See `Source.runs`."""
        table = self._reader.table("runs")
        of_experiment = select(table).where(table.c.experiment_id == int(experiment.experiment_id))
        for page in self._reader.pages(of_experiment, table.c.run_uuid, RUNS_PER_PAGE):
            ids = [row.run_uuid for row in page]
            params = self._reader.tags("params", "run_uuid", ids)
            tags = self._reader.tags("tags", "run_uuid", ids)
            read, made = self._inputs(ids), self._outputs(ids)
            for row in page:
                run = Run(
                    info=_run_info(row),
                    data=RunData(params=params.get(row.run_uuid, ()), tags=tags.get(row.run_uuid, ())),
                    inputs=read.get(row.run_uuid, RunInputs()),
                    outputs=made.get(row.run_uuid, RunOutputs()),
                )
                yield SourceRun(run=run, deleted_at_ms=row._mapping.get("deleted_time"))

    def _inputs(self, ids: list[str]) -> dict[str, RunInputs]:
        if not self._reader.has("inputs", "datasets", "input_tags"):
            return {}
        inputs, datasets = self._reader.table("inputs"), self._reader.table("datasets")
        used = self._reader.rows(
            select(inputs.c.input_uuid, inputs.c.destination_id, datasets)
            .join(datasets, datasets.c.dataset_uuid == inputs.c.source_id)
            .where(inputs.c.source_type == "DATASET", inputs.c.destination_type == "RUN")
            .where(inputs.c.destination_id.in_(ids))
            .order_by(datasets.c.name, datasets.c.digest)
        )
        tags = self._reader.tags("input_tags", "input_uuid", [row.input_uuid for row in used], key="name")
        read: dict[str, list[DatasetInput]] = {}
        for row in used:
            read.setdefault(row.destination_id, []).append(
                DatasetInput(dataset=_dataset(row), tags=tags.get(row.input_uuid, ()))
            )
        models: dict[str, list[ModelInput]] = {}
        for row in self._linked(inputs, "RUN_INPUT", ids):
            models.setdefault(row.source_id, []).append(ModelInput(row.destination_id))
        return {
            run_id: RunInputs(
                dataset_inputs=tuple(read.get(run_id, ())), model_inputs=tuple(models.get(run_id, ()))
            )
            for run_id in read.keys() | models.keys()
        }

    def _outputs(self, ids: list[str]) -> dict[str, RunOutputs]:
        if not self._reader.has("inputs"):
            return {}
        made: dict[str, list[ModelOutput]] = {}
        for row in self._linked(self._reader.table("inputs"), "RUN_OUTPUT", ids):
            step = row._mapping.get("step") or 0
            made.setdefault(row.source_id, []).append(ModelOutput(row.destination_id, step))
        return {run_id: RunOutputs(model_outputs=tuple(models)) for run_id, models in made.items()}

    def _linked(self, inputs: Table, kind: str, ids: list[str]) -> list[Any]:
        return self._reader.rows(
            select(inputs).where(inputs.c.source_type == kind, inputs.c.source_id.in_(ids))
        )

    def whole(self, run: Run) -> Run:
        """See `Source.whole`."""
        return run

    def points(self, run: Run) -> Iterator[Point]:
        """See `Source.points`."""
        table = self._reader.table("metrics")
        statement = select(table).where(table.c.run_uuid == run.info.run_id)
        for row in self._reader.stream(statement):
            yield Point(row.key, wire_float(row.value, bool(row.is_nan)), row.timestamp, row.step)

    def models(self, experiment: Experiment) -> Iterator[SourceModel]:
        """See `Source.models`."""
        return logged_models(self._reader, int(experiment.experiment_id))

    def model_points(self, model: LoggedModel) -> Iterator[Metric]:
        """See `Source.model_points`."""
        return model_points(self._reader, model.info.model_id)

    def registered_models(self) -> Iterator[SourceRegistered]:
        """See `Source.registered_models`."""
        return registered_models(self._reader)

    def versions(self, name: str) -> Iterator[SourceVersion]:
        """See `Source.versions`."""
        return versions(self._reader, name)

    def tree(self, owner: Run | LoggedModel) -> Tree | None:
        """See `Source.tree`."""
        directory = local_directory(owner.info.artifact_uri, self._proxied)
        owner_id = owner.info.run_id if isinstance(owner, Run) else owner.info.model_id
        return None if directory is None else own_tree(directory, owner_id)

    def problems(self) -> Iterator[Problem]:
        """See `Source.problems`."""
        return iter(())

    def left_behind(self) -> Iterator[Problem]:
        """See `Source.left_behind`."""
        for table, things in (
            ("trace_info", "traces"),
            ("evaluation_datasets", "evaluation datasets"),
            ("webhooks", "webhooks"),
        ):
            number = self._reader.count(table)
            if number:
                yield Problem(
                    kind=things[:-1], what=f"{number} {things}", why=f"{things} are not carried over"
                )
        yield from self._other_workspaces()

    def _other_workspaces(self) -> Iterator[Problem]:
        experiments = self._reader.other_workspaces("experiments")
        models = self._reader.other_workspaces("registered_models")
        for name in sorted(experiments.keys() | models.keys()):
            counted = f"{experiments.get(name, 0)} experiments, {models.get(name, 0)} registered models"
            why = "only the default workspace is imported"
            yield Problem(kind="workspace", what=f"workspace '{name}' with {counted}", why=why)

    def close(self) -> None:
        """See `Source.close`."""
        self._reader.close()


def _run_info(row: Any) -> RunInfo:
    return RunInfo(
        run_uuid=row.run_uuid,
        run_id=row.run_uuid,
        experiment_id=str(row.experiment_id),
        run_name=row.name or "",
        user_id=row.user_id or "",
        status=row.status or "FINISHED",
        start_time=row.start_time or 0,
        end_time=row.end_time,
        artifact_uri=row.artifact_uri or "",
        lifecycle_stage=row.lifecycle_stage or "active",
    )


def _dataset(row: Any) -> Dataset:
    return Dataset(
        name=row.name,
        digest=row.digest,
        source_type=row.dataset_source_type,
        source=row.dataset_source,
        schema=row.dataset_schema,
        profile=row.dataset_profile,
    )


def _conforms(source: DatabaseSource) -> Source:
    return source
