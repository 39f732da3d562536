"""One row of the matrix of models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


def _nothing(_: Any) -> dict[str, Any]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Case:
    """A model, how it is logged and what it is given.

    `model` (library, a directory for its files) is what `log_model` of the `flavour` gets for the model,
    `options` (library) what else it gets. `data` and `params` are for the prediction. `native` predicts with
    what the flavour's own `load_model` gives; None where it has none. `unlike` names what both libraries say
    of the model differently, and why.
    """

    name: str
    flavour: str
    model: Callable[[Any, Path], dict[str, Any]]
    data: Callable[[], Any]
    options: Callable[[Any], dict[str, Any]] = _nothing
    params: Mapping[str, Any] | None = None
    native: Callable[[Any, Any], Any] | None = None
    unlike: Mapping[str, str] | None = None
