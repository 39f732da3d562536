"""The client's calls about tables of runs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from tracking_client import checks
from tracking_client.errors import InvalidArgument, NotFound
from tracking_client.run_artifacts import ArtifactCalls
from tracking_client.wire import limits, names
from tracking_client.wire.entities import Run

if TYPE_CHECKING:
    import pandas as pd

_TABLES = f"tags.`{names.LOGGED_ARTIFACTS}` LIKE '%table%'"


class TableCalls(ArtifactCalls):
    """Tables of the runs of one tracking server. Every method raises as those of `ArtifactCalls`."""

    def log_table(self, run_id: str, data: Any, artifact_file: str) -> None:
        """Stores a dict of columns or a pandas data frame as a table, below the rows that are there already.

        The name ends in .json, or in .parquet, which needs pandas and pyarrow. Pictures in it are stored as
        artifacts beside it. Of two who append at the same time, one is lost. Raises InvalidArgument.
        """
        from tracking_client import tables

        path = checks.artifact_path(artifact_file)
        kind = PurePosixPath(path).suffix
        if kind not in (".json", ".parquet"):
            raise InvalidArgument(
                f"Invalid artifact file: {artifact_file!r}. A table's name ends in .json or .parquet"
            )
        store_image = partial(self._store_image, run_id, path)
        with self._table_so_far(run_id, path) as there:
            if kind == ".json":
                table = tables.of(data, store_image)
                if there is not None:
                    table = tables.Table.of_json(there.read_text(encoding="utf-8")).followed_by(table)
                stored = table.to_json().encode()
            else:
                stored = tables.parquet(data, store_image, there)
        self._store_table(run_id, path, stored)
        self._note_table(run_id, path)

    def load_table(
        self,
        experiment_id: str,
        artifact_file: str,
        run_ids: Sequence[str] | None = None,
        extra_columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """The rows of a table that several runs logged, by default all runs of the experiment.

        `extra_columns` are columns of `search_runs` for the run that each row is from, such as "run_id" and
        "params.lr". Raises InvalidArgument where no run logged it, and for a column that there is not.
        """
        from tracking_client import tables
        from tracking_client.table import runs_table

        path = checks.artifact_path(artifact_file)
        pandas = tables.needed_pandas()
        if run_ids:
            runs = [self.get_run(run_id) for run_id in run_ids]
        else:
            found = self.find_runs([experiment_id], _TABLES)
            runs = [run for run in found if path in _paths_of_tables(run)]
        about = runs_table(runs, required=True)
        unknown = [name for name in extra_columns or () if name not in about]
        if unknown:
            raise InvalidArgument(f"no run has a column {unknown[0]!r}")
        frames = []
        for number, run in enumerate(runs):
            frame = self._frame(run, path)
            if frame is not None:
                for name in extra_columns or ():
                    frame[name] = about[name].iloc[number]  # type: ignore[call-overload]  # a data frame, as required
                frames.append(frame)
        if not frames:
            raise InvalidArgument("No runs found with the corresponding table artifact.")
        return pandas.concat(frames, ignore_index=True)

    def _frame(self, run: Run, path: str) -> pd.DataFrame | None:
        from tracking_client import tables

        with self._stored_file(run.info.run_id, path) as there:
            if there is None:
                return None
            if path.endswith(".parquet"):
                return tables.needed_pandas().read_parquet(there)
            return tables.Table.of_json(there.read_text(encoding="utf-8")).to_frame()

    @contextlib.contextmanager
    def _stored_file(self, run_id: str, path: str) -> Iterator[Path | None]:
        """The artifact as a file of this machine; None where there is none."""
        from tracking_client.artifact_stores.temporary import scratch_directory

        with scratch_directory("table-") as directory:
            local_path = Path(directory, "table")
            try:
                self.artifact_root(run_id).get(path, local_path)
            except NotFound:
                yield None
            else:
                yield local_path

    def _table_so_far(self, run_id: str, path: str) -> AbstractContextManager[Path | None]:
        """The table that is to be followed by more rows."""
        return self._stored_file(run_id, path)

    def _store_table(self, run_id: str, path: str, table: bytes) -> None:
        self.log_bytes(run_id, table, path)

    def _noted_tables(self, run_id: str) -> list[Any]:
        return noted_tables(self.get_run(run_id))

    def _store_image(self, run_id: str, path: str, image: Any) -> dict[str, str]:
        import uuid

        from tracking_client import images

        stem = f"table_images/{path.rpartition('.')[0]}/{uuid.uuid4()}"
        self.log_bytes(run_id, images.encoded(image, "image.png"), f"{stem}.png")
        self.log_bytes(run_id, images.thumbnail(image), f"{stem}.webp")
        return {"type": "image", "filepath": f"{stem}.png", "compressed_filepath": f"{stem}.webp"}

    def _note_table(self, run_id: str, path: str) -> None:
        noted = self._noted_tables(run_id)
        entry = {"path": path, "type": "table"}
        if entry in noted:
            return
        value = json.dumps([*noted, entry])
        if len(value) > limits.MAX_TAG_VALUE_LENGTH:
            raise InvalidArgument(
                f"the table {path} was stored, but the tag {names.LOGGED_ARTIFACTS} of the run has no room "
                "to name it: log fewer tables, or append to one"
            )
        self.set_tag(run_id, names.LOGGED_ARTIFACTS, value)


def noted_tables(run: Run) -> list[Any]:
    """What the tag of a run says of its tables."""
    try:
        found = json.loads(run.data.tags.get(names.LOGGED_ARTIFACTS, "[]"))
    except ValueError:
        return []
    return found if isinstance(found, list) else []


def _paths_of_tables(run: Run) -> set[str]:
    return {
        str(entry.get("path"))
        for entry in noted_tables(run)
        if isinstance(entry, dict) and entry.get("type") == "table"
    }


__all__ = ["TableCalls", "noted_tables"]
