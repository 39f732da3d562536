"""The client's calls that store files, for programs that log: no server that is away holds them up.

A file goes to the store while the caller waits. Where no server is reached, or one that has trouble, the
journal keeps a copy, and whoever ships the journal sends it, in order with what else was logged. What a
server refuses is raised. Once a file is kept, those after it are, too, until all are sent: none overtakes an
older one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracking_client.client import TrackingClient
from tracking_client.errors import TrackingError, TransportError
from tracking_client.journal import entries, journals
from tracking_client.journal.refusal import is_passing
from tracking_client.run_tables import noted_tables
from tracking_client.transport import Transport

if TYPE_CHECKING:
    from tracking_client.artifact_stores.root import ArtifactRoot
    from tracking_client.journal.journal import Journal
    from tracking_client.wire.entities import LoggedModel, LoggedModelStatus, Run

_MOST_MODELS_KNOWN = 100
_MOST_TABLE_BYTES_KNOWN = 32 << 20

_models: dict[str, LoggedModel] = {}
"""Those that this process made last: what `finalize_logged_model` returns where no server can be asked."""


class KeptArtifactCalls(TrackingClient):
    """Files of runs and logged models, kept in the journal while no server can be given them.

    Reads first wait until the server has what was kept. Raises as `TrackingClient`.
    """

    def __init__(self, tracking_uri: str | None = None, *, transport: Transport | None = None) -> None:
        super().__init__(tracking_uri, transport=transport)
        self._uploaders: dict[Transport, TrackingClient] = {}

    def know(self, run: Run) -> None:
        """Takes a run that a reply held, so that its artifacts need no further question where they are."""
        super().know(run)
        _tables.know(run)
        for size_bytes in (0, 1 << 62):
            self._uploader(size_bytes).know(run)

    def log_image(
        self,
        run_id: str,
        image: Any,
        artifact_file: str | None = None,
        key: str | None = None,
        step: int | None = None,
        timestamp: int | None = None,
        synchronous: bool | None = None,
    ) -> None:
        """Stores a picture as `TrackingClient` does; with `synchronous` it is on the server on return."""
        super().log_image(run_id, image, artifact_file, key, step, timestamp)
        if synchronous:
            journals.wait(self.transport)

    def artifact_root(self, run_id: str) -> ArtifactRoot:
        """Where the artifacts of a run are, with all that was kept of them."""
        self._bring_what_is_kept()
        return super().artifact_root(run_id)

    def model_artifact_root(self, model_id: str) -> ArtifactRoot:
        """Where the files of a model are, with all that was kept of them."""
        self._bring_what_is_kept()
        return super().model_artifact_root(model_id)

    def create_logged_model(
        self,
        experiment_id: str,
        name: str | None = None,
        source_run_id: str | None = None,
        tags: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        model_type: str | None = None,
    ) -> LoggedModel:
        """Creates a model in the state PENDING. Its id is the server's to give: this cannot wait for one."""
        made = super().create_logged_model(experiment_id, name, source_run_id, tags, params, model_type)
        if len(_models) >= _MOST_MODELS_KNOWN:
            _models.pop(next(iter(_models)), None)
        _models[made.model_id] = made
        return made

    def finalize_logged_model(self, model_id: str, status: LoggedModelStatus | str) -> LoggedModel:
        """Says that the files are there (READY) or will never be (FAILED), after those that are kept."""
        journal, known = journals.of(self.transport), _models.get(model_id)
        if known is None or not _is_waiting(journal):
            try:
                if known is None:
                    self._bring_what_is_kept()
                    return super().finalize_logged_model(model_id, status)
                return self._uploader(0).finalize_logged_model(model_id, status)
            except TrackingError as error:
                if known is None or not is_passing(error):
                    raise
        from tracking_client.wire.entities import LoggedModelStatus

        final = LoggedModelStatus(status)
        told = {"model_id": model_id, "status": final.to_wire()}
        journal.append(entries.line(entries.MODEL_STATUS, model_id, told))
        return replace(known, status=final)

    def get_logged_model(self, model_id: str) -> LoggedModel:
        """The model as it is now, with what this process wrote. Raises NotFound."""
        journals.flush(self.transport)
        return super().get_logged_model(model_id)

    def _put(self, run_id: str, files: list[tuple[Path, str]]) -> None:
        self._put_or_keep(entries.FILE, run_id, files, lambda client: client.artifact_root(run_id))

    def _put_of_model(self, model_id: str, files: list[tuple[Path, str]]) -> None:
        self._put_or_keep(
            entries.MODEL_FILE, model_id, files, lambda client: client.model_artifact_root(model_id)
        )

    def _put_or_keep(
        self,
        kind: bytes,
        owner_id: str,
        files: list[tuple[Path, str]],
        root_of: Callable[[TrackingClient], ArtifactRoot],
    ) -> None:
        from tracking_client.artifact_stores import transfers
        from tracking_client.journal.keeping import NoRoom, keep

        journal = journals.of(self.transport)
        stored: set[str] = set()
        reason = journal.failure if _is_waiting(journal) else None
        if not _is_waiting(journal):
            size_bytes = sum(local_path.stat().st_size for local_path, _ in files)
            try:
                transfers.put_files(root_of(self._uploader(size_bytes)), files, stored.add)
                return
            except TrackingError as error:
                if not is_passing(error):
                    raise
                reason = error
        left = [(local_path, path) for local_path, path in files if path not in stored]
        try:
            keep(journal, kind, owner_id, left)
        except NoRoom as full:
            if kind == entries.MODEL_FILE or journal.opened() is None:
                raise reason or TransportError(
                    f"a model's files cannot be sent now, nor kept: {full}"
                ) from full
            lost = left[full.kept_count :]
            journal.lose(len(lost), f"{_named(lost)} lost, of run {owner_id}: {full}, and {reason}")

    def _uploader(self, size_bytes: int) -> TrackingClient:
        transport = journals.of(self.transport).upload_transport(size_bytes)
        found = self._uploaders.get(transport)
        if found is None:
            found = TrackingClient(self.tracking_uri, transport=transport)
            self._uploaders[transport] = found
        return found

    def _bring_what_is_kept(self) -> None:
        if journals.of(self.transport).files is not None:
            journals.flush(self.transport)

    @contextmanager
    def _table_so_far(self, run_id: str, path: str) -> Iterator[Path | None]:
        """The table to be followed by more rows: the server's, or the one that this process knows."""
        is_known = _tables.knows(run_id, path)
        if not _is_waiting(journals.of(self.transport)):
            with ExitStack() as stack:
                try:
                    there = stack.enter_context(self._uploader(0)._stored_file(run_id, path))
                except TrackingError as error:
                    if not (is_known and is_passing(error)):
                        raise
                else:
                    yield there
                    return
        elif not is_known:
            with super()._table_so_far(run_id, path) as there:
                yield there
            return
        table = _tables.content(run_id, path)
        if table is None:
            yield None
            return
        from tracking_client.artifact_stores.temporary import scratch_directory

        with scratch_directory("table-") as directory:
            local_path = Path(directory, "table")
            local_path.write_bytes(table)
            yield local_path

    def _store_table(self, run_id: str, path: str, table: bytes) -> None:
        super()._store_table(run_id, path, table)
        _tables.stored(run_id, path, table)

    def _note_table(self, run_id: str, path: str) -> None:
        super()._note_table(run_id, path)
        _tables.note(run_id, {"path": path, "type": "table"})

    def _noted_tables(self, run_id: str) -> list[Any]:
        here = _tables.noted(run_id)
        if not _is_waiting(journals.of(self.transport)):
            try:
                there = noted_tables(self._uploader(0).get_run(run_id))
            except TrackingError as error:
                if not is_passing(error):
                    raise
            else:
                return there + [item for item in here if item not in there]
        return here


class _Tables:
    """The tables of runs as this process knows them. Safe in threads, and across fork."""

    def __init__(self) -> None:
        self._contents: dict[tuple[str, str], bytes] = {}
        self._noted: dict[str, list[Any]] = {}
        self._from_the_start: set[str] = set()

    def know(self, run: Run) -> None:
        """Takes a run as a server told of it."""
        self._noted.setdefault(run.info.run_id, noted_tables(run))
        self._from_the_start.add(run.info.run_id)

    def knows(self, run_id: str, path: str) -> bool:
        """Whether it is known what is in a table, or that there is none."""
        is_noted = any(isinstance(item, dict) and item.get("path") == path for item in self.noted(run_id))
        return (run_id, path) in self._contents or (run_id in self._from_the_start and not is_noted)

    def content(self, run_id: str, path: str) -> bytes | None:
        """What is in a table; None where there is none."""
        return self._contents.get((run_id, path))

    def stored(self, run_id: str, path: str, table: bytes) -> None:
        """Takes a table as it is now; the oldest ones are forgotten where they are long."""
        self._contents.pop((run_id, path), None)
        self._contents[run_id, path] = table
        while sum(map(len, list(self._contents.values()))) > _MOST_TABLE_BYTES_KNOWN:
            self._contents.pop(next(iter(self._contents)))

    def noted(self, run_id: str) -> list[Any]:
        """What the run's tag says of its tables."""
        return self._noted.get(run_id, [])

    def note(self, run_id: str, entry: dict[str, str]) -> None:
        """Takes what was added to the run's tag."""
        if entry not in self.noted(run_id):
            self._noted[run_id] = [*self.noted(run_id), entry]


_tables = _Tables()


def _is_waiting(journal: Journal) -> bool:
    """Whether a file that is logged now has to wait: for older ones, or for a server that has trouble."""
    return journal.files is not None or is_passing(journal.failure)


def _named(files: list[tuple[Path, str]]) -> str:
    others = f" and {len(files) - 1:,} other files" if len(files) > 1 else ""
    return f"{files[0][1]}{others}{' are' if others else ' is'}"


__all__ = ["KeptArtifactCalls"]
