"""Whatever is given, it is taken, or refused with an error of ours: no foreign error gets through."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings

from tests.tracking_client.models import data
from tracking_client.errors import InvalidArgument
from tracking_client.models import enforce_params, enforce_schema, infer_param_schema, infer_schema
from tracking_client.types import Schema

_MANY = settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])


def _taken_or_refused(call: Callable[[], Any]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            return call()
        except InvalidArgument:
            return None


@_MANY
@given(data.WILD)
def test_data_has_a_schema_or_is_refused(value: Any) -> None:
    schema = _taken_or_refused(lambda: infer_schema(value))
    if schema is not None:
        assert Schema.from_json(schema.to_json()) == schema
        _taken_or_refused(lambda: enforce_schema(value, schema))


@_MANY
@given(data.WILD, data.SCHEMAS)
def test_data_fits_a_schema_or_is_refused(value: Any, schema: str) -> None:
    _taken_or_refused(lambda: enforce_schema(value, Schema.from_json(schema)))


@_MANY
@given(data.WILD)
def test_a_parameter_has_a_schema_or_is_refused(value: Any) -> None:
    schema = _taken_or_refused(lambda: infer_param_schema({"p": value}))
    if schema is not None:
        assert type(schema).from_json(schema.to_json()).to_json() == schema.to_json()
        _taken_or_refused(lambda: enforce_params({"p": value}, schema))
