"""The colour of a run: the same on every page, in a table as in a chart."""

from __future__ import annotations

import zlib

COUNT = 10
"""How many there are; `style.css` has them as `--run-0` to `--run-9`."""


def of_run(run_id: str) -> int:
    """The number of a run's colour where nobody chose one."""
    return zlib.crc32(run_id.encode()) % COUNT
