"""Patterns that filter the names of charts find what Python's find, in bounded time."""

from __future__ import annotations

import contextlib
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking_server.errors import InvalidParameter
from tracking_server.ui.charts.pattern import finder

_ATOMS = st.sampled_from(["a", "b", "C", ".", "/", r"\.", r"\d", r"\W", "[ab]", "[^a-c]", "[0-9_]", "^", "$"])


def _larger(patterns: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.lists(patterns, min_size=1, max_size=3)
    return st.one_of(
        pairs.map("".join),
        pairs.map("|".join),
        st.tuples(patterns, st.sampled_from(["*", "+", "?", "{2}", "{1,}", "{0,2}", "*?"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
        patterns.map(lambda inner: f"({inner})"),
    )


@given(pattern=st.recursive(_ATOMS, _larger, max_leaves=8), name=st.text("abcABC/._07 ", max_size=12))
def test_a_pattern_finds_the_names_that_pythons_finds(pattern: str, name: str) -> None:
    assert finder(pattern)(name) == (re.search(pattern, name, re.IGNORECASE) is not None)


def test_a_pattern_that_takes_others_for_ever_takes_no_time() -> None:
    began = time.monotonic()

    for pattern in ("(a+)+$", "(a|a)*b", "a*a*a*a*a*a*a*a*b", "((a{1,99}){1,99}){1,99}b", "(a|b|ab)*c"):
        assert not finder(pattern)("a" * 250 + "!")

    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("pattern", "where"),
    [("a(b", 4), ("a)", 2), ("*a", 1), ("[ab", 4), ("a{3,1}", 2), ("(?=a)", 4), (r"a\q", 4), ("z[b-a]", 6)],
)
def test_a_pattern_that_is_wrong_says_where(pattern: str, where: int) -> None:
    with pytest.raises(InvalidParameter, match=f"wrong at character {where}"):
        finder(pattern)


@given(st.text(max_size=40))
def test_any_text_is_a_pattern_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidParameter):
        finder(text)("train/loss")


def test_a_pattern_that_takes_long_for_many_names_is_refused() -> None:
    is_found = finder("^.{0,250}Q|" * 40 + "x")

    with pytest.raises(InvalidParameter, match="takes too long"):
        any(map(is_found, ["b" + "a" * 250] * 10_000))
