"""Which values a domain has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.model.space import Range


@pytest.mark.parametrize(
    ("low", "high", "step"), [(65397.0, 65397.000001, 2.857e-07), (0.1, 0.9, 0.1), (1e6, 1e6 + 1, 1e-9)]
)
def test_a_range_includes_its_own_values_however_small_its_step_is(
    low: float, high: float, step: float
) -> None:
    domain = Range(minimum=low, maximum=high, step=step)
    assert domain.size is not None
    for index in (0, 1, 2, domain.size // 2, domain.size - 1):
        assert domain.includes(domain.nth(index))


@given(
    low=st.floats(-1e6, 1e6, allow_subnormal=False),
    stride=st.floats(1e-9, 1e3),
    count=st.integers(1, 50),
    fraction=st.floats(0, 0.999),
)
def test_a_range_includes_whatever_it_gives(low: float, stride: float, count: int, fraction: float) -> None:
    domain = Range(minimum=low, maximum=low + (count + 0.5) * stride, step=stride)
    assert domain.includes(domain.at(fraction))


def test_nothing_beyond_the_bounds_or_between_two_steps_is_included() -> None:
    domain = Range(minimum=1000.0, maximum=1000.001, step=0.0001)
    assert not domain.includes(1000.00005)
    assert not domain.includes(1000.0011)
    assert not domain.includes(999.9999)
    assert not domain.includes("1000.0")
