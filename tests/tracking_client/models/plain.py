"""Values of any library in lists, dicts and texts, so that they can be compared and travel as JSON."""

from __future__ import annotations

from typing import Any


def plain(value: Any) -> Any:
    """The value in lists, dicts and texts; columns and arrays with their types, all else as Python has it."""
    import numpy as np
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        return {
            str(name): (str(value[name].dtype), [plain(item) for item in value[name]])
            for name in value.columns
        }
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.tolist()] if value.ndim else plain(value.item())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if value is pd.NaT or value is pd.NA or (isinstance(value, float) and value != value):
        return "missing"
    return value if isinstance(value, str) else repr(value)
