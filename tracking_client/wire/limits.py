"""Limits and rules of MLflow's wire, checked alike by client and server.

Source: MLflow 3.17's validation of its REST API. Checks return the message to show, or None.
"""

from __future__ import annotations

import posixpath
import re

MAX_KEY_LENGTH = 250
MAX_PARAM_VALUE_LENGTH = 6000
MAX_TAG_VALUE_LENGTH = 8000
MAX_EXPERIMENT_TAG_VALUE_LENGTH = 20_000
MAX_EXPERIMENT_NAME_LENGTH = 500
MAX_METRICS_PER_BATCH = 1000
MAX_PARAMS_PER_BATCH = 100
MAX_TAGS_PER_BATCH = 100
MAX_ENTITIES_PER_BATCH = 1000
MAX_RESULTS_PER_SEARCH = 50_000
MAX_METRIC_HISTORY_PAGE = 25_000

_KEY = re.compile(r"^[/\w.\- :]*$")
_RUN_ID = re.compile(r"^[a-zA-Z0-9][\w\-]{0,255}$")


def has_good_characters(key: str) -> bool:
    """Whether `key` holds no character that no name may hold."""
    return _KEY.fullmatch(key) is not None


def key_problem(key: str, kind: str) -> str | None:
    """What is wrong with `key` as the name of a `kind` ("metric", "parameter", "tag"), or None."""
    if not key:
        return f"A {kind} name must not be empty."
    if len(key) > MAX_KEY_LENGTH:
        return (
            f"{kind.capitalize()} name '{key[:60]}…' had length {len(key)}, "
            f"which exceeded length limit of {MAX_KEY_LENGTH}"
        )
    if not _KEY.fullmatch(key):
        return (
            f"Invalid {kind} name: '{key}'. Names may only contain alphanumerics, underscores (_), "
            "dashes (-), periods (.), spaces ( ), colon(:) and slashes (/)."
        )
    if posixpath.normpath(key) != key or key.startswith(("/", "../")) or key in (".", ".."):
        return (
            f"Invalid {kind} name: '{key}'. Names may be treated as files in certain cases, and must not "
            "resolve to other names when treated as such."
        )
    return None


def run_id_problem(run_id: str) -> str | None:
    """What is wrong with `run_id` as the id of a run, or None."""
    return None if _RUN_ID.fullmatch(run_id) else f"Invalid run ID: '{run_id[:300]}'"
