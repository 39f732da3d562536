"""The same runs in a store of MLflow's: copied from ours by SQL. Through HTTP a million would take days."""

from __future__ import annotations

import sqlite3
from pathlib import Path

_COPY = """
DELETE FROM experiments WHERE experiment_id > 0;
INSERT INTO experiments
  (experiment_id, name, artifact_location, lifecycle_stage, creation_time, last_update_time)
  SELECT id, name, artifact_location, 'active', created_at_ms, updated_at_ms
  FROM ours.experiments WHERE id > 0;
INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time,
                  end_time, source_version, lifecycle_stage, artifact_uri, experiment_id)
  SELECT uuid, name, 'LOCAL', 'train.py', '', user_id, status, start_ms,
         end_ms, '', 'active', artifact_uri, experiment_id FROM ours.runs;
INSERT INTO params (key, value, run_uuid)
  SELECT p.key, p.value, r.uuid FROM ours.params p JOIN ours.runs r ON r.id = p.run_id;
INSERT INTO tags (key, value, run_uuid)
  SELECT t.key, t.value, r.uuid FROM ours.run_tags t JOIN ours.runs r ON r.id = t.run_id;
INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan)
  SELECT k.name, m.value, m.timestamp_ms, r.uuid, m.step, m.is_nan
  FROM ours.metrics m JOIN ours.runs r ON r.id = m.run_id JOIN ours.metric_keys k ON k.id = m.key_id;
INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid)
  SELECT k.name, m.value, m.timestamp_ms, m.step, m.is_nan, r.uuid
  FROM ours.latest_metrics m JOIN ours.runs r ON r.id = m.run_id JOIN ours.metric_keys k ON k.id = m.key_id;
"""


def copy(ours: Path, mlflows: Path) -> None:
    """Fills `mlflows`, which MLflow has made and nobody has used, with what is in `ours`."""
    connection = sqlite3.connect(mlflows)
    connection.executescript("PRAGMA synchronous=OFF; PRAGMA cache_size=-400000; PRAGMA temp_store=MEMORY;")
    connection.execute("ATTACH DATABASE ? AS ours", (str(ours),))
    connection.executescript(_COPY)
    connection.commit()
    connection.close()
