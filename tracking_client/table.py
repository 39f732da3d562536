"""Runs and logged models as pandas tables, with the columns of MLflow's searches."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tracking_client.errors import InvalidArgument
from tracking_client.wire.entities import LoggedModel, Run

if TYPE_CHECKING:
    import pandas as pd

_INFO = ("run_id", "experiment_id", "status", "artifact_uri")
_NEEDS_PANDAS = 'output_format="pandas" needs pandas: install it, or ask for output_format="list"'
_TIMES = ("start_time", "end_time")


def runs_table(runs: list[Run], *, required: bool) -> list[Run] | pd.DataFrame:
    """A row per run; the runs themselves where pandas is not installed and not `required`.

    Absent metrics are NaN, absent params and tags None. Raises InvalidArgument.
    """
    try:
        import pandas as pd
    except ImportError:
        if required:
            raise InvalidArgument(_NEEDS_PANDAS) from None
        return runs
    columns: dict[str, Any] = {name: [getattr(run.info, name) for run in runs] for name in _INFO}
    for name in _TIMES:
        columns[name] = pd.to_datetime([getattr(run.info, name) for run in runs], unit="ms", utc=True)
    columns |= _columns(runs, "metrics", lambda run: run.data.metrics, math.nan)
    columns |= _columns(runs, "params", lambda run: run.data.params, None)
    columns |= _columns(runs, "tags", lambda run: run.data.tags, None)
    return pd.DataFrame(columns)


def logged_models_table(models: list[LoggedModel]) -> pd.DataFrame:
    """A row per model, with the columns of MLflow's `search_logged_models`. Raises InvalidArgument."""
    try:
        import pandas as pd
    except ImportError:
        raise InvalidArgument(_NEEDS_PANDAS) from None
    rows = [model.to_dictionary() | {"status": str(model.status)} for model in models]
    return pd.DataFrame(rows)


def _columns(
    runs: Sequence[Run], prefix: str, values: Callable[[Run], dict[str, Any]], absent: Any
) -> dict[str, list[Any]]:
    keys = dict.fromkeys(key for run in runs for key in values(run))
    return {f"{prefix}.{key}": [values(run).get(key, absent) for run in runs] for key in keys}


__all__ = ["logged_models_table", "runs_table"]
