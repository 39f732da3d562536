"""What a sweep searches: for each parameter the values that it may take, and when it matters at all."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from statistics import NormalDist

Value = str | int | float | bool
Params = Mapping[str, Value]
"""The parameters of one trial, only those that matter (see `Dimension.when`), in the order of the space."""

_ALMOST = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of several values without an order. `probabilities` add up to 1; None: all the same."""

    values: tuple[Value, ...]
    probabilities: tuple[float, ...] | None = None

    @property
    def size(self) -> int:
        """How many values there are."""
        return len(self.values)

    def points(self) -> tuple[Value, ...]:
        """Every value, in the order of the declaration."""
        return self.values

    def at(self, fraction: float) -> Value:
        """The value below which this fraction (0 to 1, without 1) of the probability lies."""
        if self.probabilities is None:
            return self.values[min(int(fraction * self.size), self.size - 1)]
        return self.values[min(bisect_right(list(accumulate(self.probabilities)), fraction), self.size - 1)]

    def includes(self, value: Value) -> bool:
        """Whether it is one of the values: `True` and 1 are two."""
        return any(type(value) is type(known) and value == known for known in self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Numbers from `minimum` to `maximum`, both included.

    With `log` (then `minimum` > 0) each factor is as likely as the same factor elsewhere. With `step` only
    `minimum`, `minimum + step`, … are values. `integer` values are whole, ordered, and by 1 where no step is
    given; then the bounds are whole too.
    """

    minimum: float
    maximum: float
    log: bool = False
    step: float | None = None
    integer: bool = False

    @property
    def stride(self) -> float | None:
        """The distance of neighbours; None where the values are continuous."""
        return 1 if self.integer and self.step is None else self.step

    @property
    def size(self) -> int | None:
        """How many values there are; None where they are continuous."""
        stride = self.stride
        return None if stride is None else int((self.maximum - self.minimum) / stride + _ALMOST) + 1

    def points(self) -> tuple[Value, ...] | None:
        """Every value, ascending; None where they are continuous."""
        return None if self.size is None else tuple(self.nth(index) for index in range(self.size))

    def nth(self, index: int) -> Value:
        """The value `index` strides above the minimum."""
        stride = self.stride
        assert stride is not None
        number = self.minimum + index * stride
        return round(number) if self.integer else _tidy(min(number, self.maximum), stride)

    def at(self, fraction: float) -> Value:
        """The value below which this fraction (0 to 1, without 1) of the probability lies."""
        stride, size = self.stride, self.size
        if stride is None or size is None:
            return min(max(self._between(self.minimum, self.maximum, fraction), self.minimum), self.maximum)
        if not self.log:
            return self.nth(min(int(fraction * size), size - 1))
        # Each value has the share of the numbers that are rounded to it, at both ends too.
        low = self.minimum - stride / 2 if self.minimum > stride / 2 else self.minimum / 2
        return self.nearest(self._between(low, self.minimum + (size - 0.5) * stride, fraction))

    def nearest(self, number: float) -> Value:
        """The value of this range that is nearest to `number`."""
        stride, size = self.stride, self.size
        if stride is None or size is None:
            return min(max(float(number), self.minimum), self.maximum)
        return self.nth(min(max(round((number - self.minimum) / stride), 0), size - 1))

    def fraction_below(self, value: float) -> float:
        """How much of the range lies below a value (0 to 1): the inverse of `at` where there is no step."""
        low, high = self.minimum, self.maximum
        if low == high:
            return 0.5
        value = min(max(value, low), high)
        if self.log:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return (value - low) / (high - low)

    def _between(self, low: float, high: float, fraction: float) -> float:
        if not self.log:
            return low + fraction * (high - low)
        return math.exp(math.log(low) + fraction * (math.log(high) - math.log(low)))

    def includes(self, value: Value) -> bool:
        """Whether it is one of the values, up to the last digit of a float."""
        if isinstance(value, (bool, str)) or not math.isfinite(value):
            return False
        slack = _ALMOST * max(abs(self.minimum), abs(self.maximum))
        if not self.minimum - slack <= value <= self.maximum + slack:
            return False
        if self.integer and value != round(value):
            return False
        stride, size = self.stride, self.size
        if stride is None or size is None:
            return True
        strides = (value - self.minimum) / stride
        # A step can be so small beside the bounds that the floats between them are far apart for it.
        last_digit = math.ulp(max(abs(self.minimum), abs(self.maximum))) / stride
        return 0 <= round(strides) < size and abs(strides - round(strides)) < 1e-6 + 2 * last_digit


@dataclass(frozen=True, slots=True, kw_only=True)
class Normal:
    """Numbers around `mean`.

    With `log` it is the logarithm that lies around it. `step` rounds to multiples.
    """

    mean: float
    deviation: float
    log: bool = False
    step: float | None = None

    @property
    def size(self) -> None:
        """None: there is no end of values."""
        return

    def points(self) -> None:
        """None: there is no end of values."""
        return

    def at(self, fraction: float) -> Value:
        """The value below which this fraction (0 to 1, without 1) of the probability lies."""
        number = NormalDist(self.mean, self.deviation).inv_cdf(min(max(fraction, 1e-15), 1 - 1e-15))
        return self.nearest(math.exp(number) if self.log else number)

    def fraction_below(self, value: float) -> float:
        """How much of the probability lies below a value: the inverse of `at`."""
        if self.log and value <= 0:
            return 0.0
        return NormalDist(self.mean, self.deviation).cdf(math.log(value) if self.log else value)

    def nearest(self, number: float) -> Value:
        """The value that is nearest to `number`: where there is a step, a multiple of it."""
        return float(number) if self.step is None else _tidy(round(number / self.step) * self.step, self.step)

    def includes(self, value: Value) -> bool:
        """Whether it is a number that can be drawn.

        With `log` a positive one, or one that is rounded to 0.
        """
        if isinstance(value, (bool, str)) or not math.isfinite(value):
            return False
        return not self.log or value > 0 or (self.step is not None and value == 0)


Domain = Choice | Range | Normal


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """A parameter that is searched.

    `when` says for which values of other parameters it matters (all of them must have one of theirs); it is
    not given to trials where it does not.
    """

    name: str
    domain: Domain
    when: tuple[tuple[str, tuple[Value, ...]], ...] = ()

    def matters(self, params: Params) -> bool:
        """Whether it is given to a trial with these parameters (of dimensions before this one)."""
        return all(name in params and _is_among(params[name], values) for name, values in self.when)


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """All that is searched. A dimension stands behind those that its `when` names."""

    dimensions: tuple[Dimension, ...] = ()

    def __getitem__(self, name: str) -> Dimension:
        """The dimension of that name. Raises KeyError."""
        for dimension in self.dimensions:
            if dimension.name == name:
                return dimension
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the parameters, in order."""
        return tuple(dimension.name for dimension in self.dimensions)

    def narrowed(self, values: Params) -> dict[str, Value]:
        """Of values for all dimensions those that matter together."""
        params: dict[str, Value] = {}
        for dimension in self.dimensions:
            if dimension.name in values and dimension.matters(params):
                params[dimension.name] = values[dimension.name]
        return params

    def includes(self, params: Params) -> bool:
        """Whether a trial may have just these parameters."""
        wanted = [dimension for dimension in self.dimensions if dimension.matters(params)]
        return {dimension.name for dimension in wanted} == set(params) and all(
            dimension.domain.includes(params[dimension.name]) for dimension in wanted
        )

    @property
    def is_finite(self) -> bool:
        """Whether there is an end of different trials."""
        return all(dimension.domain.size is not None for dimension in self.dimensions)

    @property
    def size(self) -> int | None:
        """How many different trials there are; None where there is no end. Lists no more than it must."""
        return self._size({}, self.dimensions) if self.is_finite else None

    def _size(self, params: dict[str, Value], left: tuple[Dimension, ...]) -> int:
        if not left:
            return 1
        dimension, rest = left[0], left[1:]
        if not dimension.matters(params):
            return self._size(params, rest)
        if not any(dimension.name == name for other in rest for name, _ in other.when):
            return (dimension.domain.size or 0) * self._size(params, rest)
        values = dimension.domain.points() or ()
        return sum(self._size({**params, dimension.name: value}, rest) for value in values)

    def grid(self) -> Iterator[dict[str, Value]]:
        """Every different trial, the last dimension changing fastest.

        Raises ValueError where there is no end.
        """
        if not self.is_finite:
            raise ValueError("a continuous parameter has no grid")
        yield from self._grid({}, self.dimensions)

    def _grid(self, params: dict[str, Value], left: tuple[Dimension, ...]) -> Iterator[dict[str, Value]]:
        if not left:
            yield dict(params)
            return
        dimension, rest = left[0], left[1:]
        if not dimension.matters(params):
            yield from self._grid(params, rest)
            return
        for value in dimension.domain.points() or ():
            yield from self._grid({**params, dimension.name: value}, rest)


def text_of(value: Value) -> str:
    """The value as it is given to a trial and recorded: the shortest text that reads back equal."""
    return str(value)


def _is_among(value: Value, values: tuple[Value, ...]) -> bool:
    return any(type(value) is type(known) and value == known for known in values)


def _tidy(number: float, step: float) -> float:
    # 0.1 + 2 * 0.1 is meant to be 0.3.
    digits = max(0, 12 - math.floor(math.log10(step)))
    return round(number, min(digits, 300))
