"""Parameters of a prediction, checked against what the model takes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from tracking_client.errors import InvalidArgument
from tracking_client.types.containers import kind_of
from tracking_client.types.params import ParamSchema


def enforce_params(params: Mapping[str, Any] | None, schema: ParamSchema | None) -> dict[str, Any]:
    """All parameters of the model: those given, as their types have them, and the defaults of the others.

    What the model does not take is left out, with a UserWarning. Raises InvalidArgument, which says for each
    value that does not fit what was expected and what was given.
    """
    if params is not None and not isinstance(params, Mapping):
        raise InvalidArgument(f"Parameters are a dict from names to values, not {kind_of(params)}")
    given = {str(name): value for name, value in (params or {}).items()}
    specs = {} if schema is None else {spec.name: spec for spec in schema.params}
    if unknown := [name for name in given if name not in specs]:
        _warn_of_unknown(unknown, list(specs))
    fitted = {name: spec.default for name, spec in specs.items()}
    refused = []
    for name in given.keys() & specs.keys():
        try:
            fitted[name] = specs[name].fitted(given[name])
        except InvalidArgument as error:
            refused.append(error.message)
    if refused:
        raise InvalidArgument(f"Parameters that do not fit the signature: {' '.join(sorted(refused))}")
    return fitted


def _warn_of_unknown(unknown: list[str], known: list[str]) -> None:
    takes = f"takes {', '.join(known)}" if known else "takes none"
    message = f"Parameters that the model does not take are left out: {', '.join(unknown)}. It {takes}."
    warnings.warn(message, UserWarning, stacklevel=3)


__all__ = ["enforce_params"]
