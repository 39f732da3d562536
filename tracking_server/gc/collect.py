"""Collecting: finds what is deleted and old, and removes it where that is wanted.

Killed at any moment and started again, it finishes: a run is first marked in one transaction, which also
takes it out of the reach of a restore; then its artifacts go, then its rows in short transactions, the run
itself last. A server may work on the same database meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.engine import Row

from tracking_server.artifacts.places import Places
from tracking_server.errors import StartRefused
from tracking_server.gc import plan, rows
from tracking_server.gc.files import Belongings, belongings
from tracking_server.gc.registered import RegisteredFiles
from tracking_server.gc.wish import Found, Kind, Wish
from tracking_server.settings import Settings
from tracking_server.store import schema
from tracking_server.store.engine import Database

CHANGED = "it was restored, registered as a model version, or read by a run, meanwhile"


def collect(settings: Settings, wish: Wish, *, delete: bool) -> Iterator[Found]:
    """Everything deleted that `wish` means, one by one; removed before it is handed out, where `delete`.

    Raises StartRefused where the store cannot be opened, Unavailable where the database gives up, OSError.
    """
    path = settings.sqlite_path
    if path is not None and not path.exists():
        raise StartRefused(f"There is no database {path}: nothing to collect")
    database = Database(settings)
    database.open()
    try:
        yield from _Collector(database, Places(settings), wish, delete=delete).all()
    finally:
        database.close()


class _Collector:
    """One collection. `_gone` counts what goes from each experiment: a dry run foresees the empty ones."""

    def __init__(self, database: Database, places: Places, wish: Wish, *, delete: bool) -> None:
        self._database = database
        self._places = places
        self._wish = wish
        self._delete = delete
        self._gone: Counter[tuple[int, str]] = Counter()
        self._models_told: set[int] = set()
        self._registered_files = RegisteredFiles()

    def all(self) -> Iterator[Found]:
        for run_id, reason in self._database.read_now(lambda c: plan.unknown_runs(c, self._wish)):
            yield Found(kind="run", id=run_id, name="", experiment_id=-1, deleted_at_ms=None, kept=reason)
        for row in plan.deleted_runs(self._database, self._wish):
            yield from self._run(row)
        for row in plan.deleted_models(self._database, self._wish):
            if row.id not in self._models_told:
                yield self._model(row)
        for row in plan.deleted_experiments(self._database, self._wish):
            yield self._experiment(row)

    def _run(self, row: Row[Any]) -> Iterator[Found]:
        models = self._database.read_now(lambda c: plan.models_of_run(c, row.uuid))
        files = self._files(row)
        found = self._described("run", row, files)
        kept = self._reason_to_keep(row, models, files)
        going: list[Row[Any]] = []
        if kept is None:
            going, staying = self._divided(row, models)
            if self._delete and not self._database.write_and_wait(lambda c: self._mark(c, row, going)):
                kept = CHANGED
            else:
                self._models_told.update(model.id for model in models)
                yield from staying
        if kept is not None:
            yield _with(found, kept=kept)
            return
        for model in going:
            yield self._marked_model(model)
        if self._delete:
            files.remove()
            while self._database.write_and_wait(lambda c: rows.remove_some_points(c, row.id)):
                pass
            self._database.write_and_wait(lambda c: rows.remove_run(c, row.id))
        self._gone[row.experiment_id, "run"] += 1
        yield found

    def _files(self, row: Row[Any]) -> Belongings:
        return belongings(self._places, row.artifact_uri, None if _marked(row) else row.uuid)

    def _reason_to_keep(self, run: Row[Any] | None, models: list[Row[Any]], files: Belongings) -> str | None:
        registered = self._database.read_now(lambda c: self._registered(c, run, models))
        if registered is not None:
            return f"{registered}: delete that first"
        return self._problem(files)

    def _registered(self, connection: Connection, run: Row[Any] | None, models: list[Row[Any]]) -> str | None:
        """A model version that needs a run or one of these models, in words; or None."""
        named = rows.version_from_run(
            connection, "" if run is None else run.uuid, [model.uuid for model in models]
        )
        owners = models if run is None else [run, *models]
        return named or self._registered_files.version_in(connection, owners)

    def _problem(self, files: Belongings) -> str | None:
        if files.problem is not None and not self._wish.leave_artifacts:
            return f"its artifacts cannot be removed from here ({files.problem})"
        return None

    def _divided(self, run: Row[Any], models: list[Row[Any]]) -> tuple[list[Row[Any]], list[Found]]:
        """Which models of a run go with it, and which stay because somebody still reads them."""
        going: list[Row[Any]] = []
        staying: list[Found] = []
        for model in models:
            files = self._files(model)
            kept = self._reader(model, run.id) or self._problem(files)
            if kept is not None:
                staying.append(_with(self._described("model", model, files), kept=kept))
            else:
                going.append(model)
        return going, staying

    def _reader(self, model: Row[Any], but: int | None) -> str | None:
        """That a run still reads a model, in words; None where no run but `but` does."""
        reader = self._database.read_now(lambda c: rows.reader_of(c, model.uuid, but))
        return None if reader is None else f"run {reader} reads it"

    def _mark(self, connection: Connection, run: Row[Any], models: list[Row[Any]]) -> bool:
        """Take the run and its models out of reach, unless something changed since they were looked at."""
        rows.hold(connection, schema.runs, [run.id])
        rows.hold(connection, schema.logged_models, [model.id for model in models])
        if self._registered(connection, run, models) is not None:
            return False
        if any(rows.reader_of(connection, model.uuid, run.id) for model in models):
            return False
        before_ms = self._wish.before_ms if not _marked(run) else 2**62
        if not rows.mark_run(connection, run.id, before_ms, leave_files=self._leaves(run)):
            return False
        for model in models:
            rows.mark_model(connection, model, leave_files=self._leaves(model))
        return True

    def _leaves(self, row: Row[Any]) -> bool:
        """Whether artifacts stay where they are: once marked, nothing tells any more that they must."""
        return self._files(row).problem is not None

    def _marked_model(self, row: Row[Any]) -> Found:
        """A model that goes; where things are to be removed it is marked already."""
        files = self._files(row)
        found = self._described("model", row, files)
        if self._delete:
            files.remove()
            self._database.write_and_wait(lambda c: rows.remove_model(c, row.id))
        self._gone[row.experiment_id, "model"] += 1
        return found

    def _model(self, row: Row[Any]) -> Found:
        """A model that was deleted without a run that made it."""
        files = self._files(row)
        kept = self._reason_to_keep(None, [row], files) or self._reader(row, None)
        if kept is None and self._delete and not _marked(row):
            marked = self._database.write_and_wait(lambda c: self._mark_model(c, row))
            kept = None if marked else CHANGED
        if kept is not None:
            return _with(self._described("model", row, files), kept=kept)
        return self._marked_model(row)

    def _mark_model(self, connection: Connection, row: Row[Any]) -> bool:
        """Take the model out of reach, unless something changed since it was looked at."""
        if not rows.is_deleted(connection, row.id):
            return False
        if self._registered(connection, None, [row]) or rows.reader_of(connection, row.uuid, None):
            return False
        rows.mark_model(connection, row, leave_files=self._leaves(row))
        return True

    def _experiment(self, row: Row[Any]) -> Found:
        found = Found(
            kind="experiment",
            id=str(row.id),
            name=row.name,
            experiment_id=row.id,
            deleted_at_ms=row.updated_at_ms,
        )
        runs, models = self._database.read_now(lambda c: plan.inhabitants(c, row.id))
        if not self._delete:
            runs -= self._gone[row.id, "run"]
            models -= self._gone[row.id, "model"]
        if runs or models:
            return _with(found, kept=f"{runs} runs and {models} logged models are left in it")
        if self._delete and not self._database.write_and_wait(lambda c: rows.remove_experiment(c, row.id)):
            return _with(found, kept="it was restored meanwhile")
        return found

    def _described(self, kind: Kind, row: Row[Any], files: Belongings) -> Found:
        count, size_bytes = files.measure()
        return Found(
            kind=kind,
            id=row.uuid,
            name=row.name,
            experiment_id=row.experiment_id,
            deleted_at_ms=_deleted_at_ms(kind, row),
            points=self._database.read_now(lambda c: plan.points_of(c, row.id)) if kind == "run" else 0,
            files=count,
            size_bytes=size_bytes,
            note=f"its artifacts stay: {files.problem}" if files.problem is not None else None,
        )


def _deleted_at_ms(kind: Kind, row: Row[Any]) -> int | None:
    """None where something is deleted by what it belongs to alone."""
    at_ms: int | None = row.deleted_at_ms if kind == "run" else row.updated_at_ms if row.deleted else None
    return at_ms


def _marked(row: Row[Any]) -> bool:
    return bool(row.uuid.startswith(rows.MARK))


def _with(found: Found, *, kept: str) -> Found:
    return replace(found, kept=kept)
