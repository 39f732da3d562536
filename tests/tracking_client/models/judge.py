"""What MLflow itself answers, and both answers in a form that can be compared."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from typing import Any

import mlflow.models.utils
import mlflow.types.schema
import mlflow.types.utils
from mlflow.exceptions import MlflowException

from tests.tracking_client.models.plain import plain
from tracking_client.errors import InvalidArgument
from tracking_client.models import enforce_params, enforce_schema, infer_param_schema, infer_schema
from tracking_client.types import ParamSchema, Schema

REFUSED = "refused"
# What its functions let through where they should refuse: foreign errors of pandas, numpy and Python.
_THEIR_REFUSALS = (
    MlflowException,
    TypeError,
    ValueError,
    AttributeError,
    KeyError,
    IndexError,
    OverflowError,
)


def _theirs(call: Callable[[], Any]) -> Any:
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return plain(call())
    except _THEIR_REFUSALS as error:
        return f"{REFUSED}: {type(error).__name__}: {error}"
    finally:
        logging.disable(logging.NOTSET)


def _ours(call: Callable[[], Any]) -> Any:
    """Our answer. Any error but InvalidArgument is a failure of the test."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return plain(call())
    except InvalidArgument as error:
        return f"{REFUSED}: {type(error).__name__}: {error}"


def is_refusal(answer: Any) -> bool:
    """Whether the data was refused."""
    return isinstance(answer, str) and answer.startswith(REFUSED)


def same(theirs: Any, ours: Any) -> bool:
    """Whether both refuse, or both answer the same."""
    return bool(theirs == ours) or (is_refusal(theirs) and is_refusal(ours))


def inferred(data: Any) -> tuple[Any, Any]:
    """The JSON of MLflow's schema and of ours."""
    return (
        _theirs(lambda: mlflow.types.utils._infer_schema(data).to_json()),
        _ours(lambda: infer_schema(data).to_json()),
    )


def enforced(data: Any, schema: str) -> tuple[Any, Any]:
    """What becomes of the data with a schema of this JSON, with MLflow and with us."""
    return (
        _theirs(
            lambda: mlflow.models.utils._enforce_schema(data, mlflow.types.schema.Schema.from_json(schema))
        ),
        _ours(lambda: enforce_schema(data, Schema.from_json(schema))),
    )


def params_inferred(defaults: Any) -> tuple[Any, Any]:
    """The JSON of MLflow's schema of parameters and of ours."""
    return (
        _theirs(lambda: mlflow.types.utils._infer_param_schema(defaults).to_json()),
        _ours(lambda: infer_param_schema(defaults).to_json()),
    )


def params_enforced(given: Any, schema: str) -> tuple[Any, Any]:
    """What becomes of parameters with a schema of this JSON, with MLflow and with us."""
    return (
        _theirs(
            lambda: mlflow.models.utils._enforce_params_schema(
                given, mlflow.types.schema.ParamSchema.from_json(schema)
            )
        ),
        _ours(lambda: enforce_params(given, ParamSchema.from_json(schema))),
    )


def read(schema: str) -> tuple[Any, Any]:
    """The JSON again, read and written by MLflow and by us."""
    return (
        _theirs(lambda: mlflow.types.schema.Schema.from_json(schema).to_json()),
        _ours(lambda: Schema.from_json(schema).to_json()),
    )
