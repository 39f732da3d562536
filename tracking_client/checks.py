"""Values checked before they are sent, so that an error names the call that made it."""

from __future__ import annotations

import contextlib
import math
import posixpath
import time
from collections.abc import Mapping, Sequence
from typing import Any, SupportsFloat

from tracking_client.errors import InvalidArgument
from tracking_client.wire import limits
from tracking_client.wire.entities import Metric, Param, RunTag

_INT64 = 2**63


def now_ms() -> int:
    """The wall clock in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


def run_id(value: str) -> str:
    """`value` if it can be a run's id. Raises InvalidArgument."""
    problem = limits.run_id_problem(value)
    if problem is not None:
        raise InvalidArgument(problem)
    return value


def key(value: str, kind: str) -> str:
    """`value` as text if it can name a `kind` ("metric", "parameter", "tag"). Raises InvalidArgument."""
    name = str(value)
    problem = limits.key_problem(name, kind)
    if problem is not None:
        raise InvalidArgument(problem)
    return name


def metric(name: str, value: SupportsFloat, timestamp: int | None, step: int | None) -> Metric:
    """A metric; numbers of any library and one-element arrays are taken. Raises InvalidArgument."""
    at_ms = now_ms() if timestamp is None else timestamp
    return checked_metric(
        Metric(key(name, "metric"), number(name, value), at_ms, 0 if step is None else step)
    )


def checked_metric(given: Metric) -> Metric:
    """`given` with plain int and float values within the wire's range. Raises InvalidArgument."""
    at_ms, step = moment(given.key, given.timestamp, given.step)
    return Metric(
        key(given.key, "metric"),
        number(given.key, given.value),
        at_ms,
        step,
        given.model_id,
        given.dataset_name,
        given.dataset_digest,
    )


def number(name: str, value: SupportsFloat | str) -> float:
    """A metric's value as a float; integers beyond its range are infinite. Raises InvalidArgument."""
    try:
        return float(value)
    except OverflowError:
        return math.copysign(math.inf, 1 if value > 0 else -1)  # type: ignore[operator]  # only int overflows
    except (TypeError, ValueError):
        with contextlib.suppress(AttributeError, TypeError, ValueError, RuntimeError):
            return float(value.item())  # type: ignore[union-attr]  # an array of one element
        raise InvalidArgument(
            f"Got invalid value {value!r:.100} for metric '{name}'. "
            "Please specify value as a valid double (64-bit floating point)"
        ) from None


def _whole(name: str, what: str, value: Any) -> int:
    try:
        whole = int(value)
    except (TypeError, ValueError, OverflowError):
        raise InvalidArgument(f"metric {name!r}: the {what} {value!r:.100} is not a whole number") from None
    if not -_INT64 <= whole < _INT64:
        raise InvalidArgument(f"metric {name!r}: the {what} {whole} does not fit into 64 bits")
    return whole


def moment(name: str, timestamp_ms: Any, step: Any) -> tuple[int, int]:
    """When and at which step a metric was logged, as plain integers. Raises InvalidArgument."""
    at_ms, at_step = _whole(name, "timestamp", timestamp_ms), _whole(name, "step", step)
    if at_ms < 0:
        raise InvalidArgument(f"metric {name!r}: the timestamp {at_ms} is negative")
    return at_ms, at_step


def param(name: str, value: Any) -> Param:
    """A parameter, its value as text. Raises InvalidArgument."""
    return Param(key(name, "parameter"), str(value))


def params(values: Mapping[str, Any]) -> list[Param]:
    """Parameters of a mapping. Raises InvalidArgument."""
    return [param(name, value) for name, value in values.items()]


def tag(name: str, value: Any) -> RunTag:
    """A run's tag, its value as text. Raises InvalidArgument."""
    return RunTag(key(name, "tag"), str(value))


def tags(values: Mapping[str, Any] | None) -> list[RunTag]:
    """Tags of a mapping. Raises InvalidArgument."""
    return [tag(name, value) for name, value in (values or {}).items()]


def distinct_params(given: Sequence[Param]) -> None:
    """Raises InvalidArgument where one batch holds a parameter twice with different values."""
    seen: dict[str, str] = {}
    for item in given:
        if seen.setdefault(item.key, item.value) != item.value:
            raise InvalidArgument(
                "Duplicate parameter keys have been submitted: "
                f"'{item.key}' with value {seen[item.key]!r} and {item.value!r}"
            )


def experiment_name(value: str) -> str:
    """`value` if it can name an experiment. Raises InvalidArgument."""
    if not value:
        raise InvalidArgument(f"Invalid experiment name: {value!r}. It must be a string that is not empty")
    if len(value) > limits.MAX_EXPERIMENT_NAME_LENGTH:
        raise InvalidArgument(
            f"the experiment name '{value[:60]}…' has {len(value)} characters, "
            f"more than {limits.MAX_EXPERIMENT_NAME_LENGTH}"
        )
    return value


def artifact_path(value: str | None) -> str:
    """`value` as a normalised relative path, "" for none. Raises InvalidArgument where it leads outside."""
    if not value:
        return ""
    path = posixpath.normpath(value)
    if "\0" in path or "\\" in path or path.startswith(("/", "../")) or path == "..":
        raise InvalidArgument(
            f"Invalid artifact path: {value!r}. It must be relative and stay inside the run"
        )
    return "" if path == "." else path


__all__ = [
    "artifact_path",
    "checked_metric",
    "distinct_params",
    "experiment_name",
    "key",
    "metric",
    "moment",
    "now_ms",
    "number",
    "param",
    "params",
    "run_id",
    "tag",
    "tags",
]
