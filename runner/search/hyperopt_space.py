"""A space in hyperopt's words, and values there and back.

The words are those that a person would write, so that `fmin` with the same seed makes the same trials:

| here | there |
|---|---|
| values | `hp.choice`; with probabilities `hp.pchoice` |
| numbers | `hp.uniform`, with log `hp.loguniform` |
| integers | `hp.uniformint`, which keeps them ordered; with log `hp.qloguniform(…, 1)` |
| numbers by step | `hp.quniform`, with log `hp.qloguniform` |
| normal | `hp.normal`, `hp.qnormal`, `hp.lognormal`, `hp.qlognormal` |
| `when` one choice has some values | an `hp.choice` of dicts that hold the parameter |

Hyperopt's steps are multiples of the step. Numbers that are not (1, 3, 5, …) are searched by their place in
the range; with log, as continuous numbers, rounded. Where a `when` names several parameters, or one that is a
range, hyperopt draws the parameter always, and learns only from where it mattered.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hyperopt import hp
from hyperopt.base import Domain

from runner.model.space import Choice, Dimension, Normal, Params, Range, Space, Value

Raw = int | float
"""A value as hyperopt keeps it: of a choice, the place among its values."""


class HyperoptSpace:
    """The space as a `Domain`. Dimensions with a single number are no affair of hyperopt's."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._words = {d.name: _word_for(d.domain) for d in space.dimensions if not _is_constant(d)}
        self._constants: dict[str, Value] = {
            d.name: d.domain.at(0.0) for d in space.dimensions if _is_constant(d)
        }
        self._nodes: dict[str, Any] = {}
        top = [d for d in space.dimensions if d.name in self._words and self._parent_of(d) is None]
        self.domain = Domain(_no_objective, {d.name: self._node(d) for d in top}) if self._words else None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is searched: for that hyperopt has no word."""
        return not self._words

    def params_of(self, raw: Mapping[str, Sequence[Raw]]) -> dict[str, Value]:
        """The parameters of a document's `vals`."""
        values = {name: self._words[name].decode(found[0]) for name, found in raw.items() if len(found)}
        return self._space.narrowed({**self._constants, **values})

    def raw_of(self, params: Params) -> dict[str, list[Raw]]:
        """The `vals` of a document with these parameters; empty where the parameter is not known there."""
        return {
            name: [word.encode(params[name])]
            if name in params and self._space[name].domain.includes(params[name])
            else []
            for name, word in self._words.items()
        }

    def _parent_of(self, dimension: Dimension) -> Dimension | None:
        if len(dimension.when) != 1:
            return None
        parent = self._space[dimension.when[0][0]]
        return parent if isinstance(parent.domain, Choice) else None

    def _node(self, dimension: Dimension) -> Any:
        # The same node where several options hold the parameter: hyperopt takes two for two parameters.
        if dimension.name not in self._nodes:
            children = [
                d for d in self._space.dimensions if d.name in self._words and self._parent_of(d) is dimension
            ]
            options = [
                {"": index, **{d.name: self._node(d) for d in children if _has(d, value)}}
                for index, value in enumerate(dimension.domain.points() or ())
                if isinstance(dimension.domain, Choice)
            ]
            self._nodes[dimension.name] = self._words[dimension.name].node(dimension.name, options)
        return self._nodes[dimension.name]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Word:
    node: Callable[[str, list[Any]], Any]
    encode: Callable[[Value], Raw]
    decode: Callable[[Raw], Value]


def _no_objective(_: object) -> None:
    """What hyperopt would evaluate: we do that."""


def _is_constant(dimension: Dimension) -> bool:
    domain = dimension.domain
    return isinstance(domain, Range) and (domain.size == 1 or domain.minimum == domain.maximum)


def _has(dimension: Dimension, value: Value) -> bool:
    return any(type(value) is type(wanted) and value == wanted for wanted in dimension.when[0][1])


def _word_for(domain: Choice | Range | Normal) -> _Word:
    if isinstance(domain, Choice):
        return _choice(domain)
    if isinstance(domain, Normal):
        return _normal(domain)
    return _continuous(domain) if domain.stride is None else _stepped(domain, domain.stride)


def _choice(domain: Choice) -> _Word:
    probabilities = domain.probabilities

    def node(name: str, options: list[Any]) -> Any:
        if probabilities is None:
            return hp.choice(name, options)
        return hp.pchoice(name, list(zip(probabilities, options, strict=True)))

    def encode(value: Value) -> Raw:
        return next(i for i, v in enumerate(domain.values) if type(v) is type(value) and v == value)

    return _Word(node=node, encode=encode, decode=lambda raw: domain.values[int(raw)])


def _continuous(domain: Range) -> _Word:
    low, high = domain.minimum, domain.maximum

    def node(name: str, _: list[Any]) -> Any:
        return (
            hp.loguniform(name, math.log(low), math.log(high)) if domain.log else hp.uniform(name, low, high)
        )

    return _Word(node=node, encode=float, decode=domain.nearest)


def _stepped(domain: Range, stride: float) -> _Word:
    low, high = domain.minimum, float(domain.nearest(domain.maximum))
    if abs(low / stride - round(low / stride)) > 1e-9:
        return _continuous(domain) if domain.log else _by_place(domain, stride)

    def node(name: str, _: list[Any]) -> Any:
        if domain.log:
            return hp.qloguniform(name, math.log(low), math.log(high), stride)
        # `hp.uniformint` is this with a step of 1; adaptive TPE cannot read its form.
        return hp.quniform(name, low, high, stride)

    return _Word(node=node, encode=lambda value: _multiple(value, stride), decode=domain.nearest)


def _by_place(domain: Range, stride: float) -> _Word:
    size = domain.size or 1

    def encode(value: Value) -> Raw:
        return float(round((float(value) - domain.minimum) / stride))

    return _Word(
        node=lambda name, _: hp.quniform(name, 0, size - 1, 1),
        encode=encode,
        decode=lambda raw: domain.nth(round(raw)),
    )


def _normal(domain: Normal) -> _Word:
    mean, deviation, step = domain.mean, domain.deviation, domain.step

    def node(name: str, _: list[Any]) -> Any:
        if step is None:
            return (hp.lognormal if domain.log else hp.normal)(name, mean, deviation)
        return (hp.qlognormal if domain.log else hp.qnormal)(name, mean, deviation, step)

    def encode(value: Value) -> Raw:
        return float(value) if step is None else _multiple(value, step)

    return _Word(node=node, encode=encode, decode=domain.nearest)


def _multiple(value: Value, step: float) -> float:
    # As hyperopt rounds: to the last bit, its history is the one that `fmin` would have.
    return float(np.round(float(value) / step) * step)
