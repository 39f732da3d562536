"""Two texts side by side."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tracking_server.ui.compare import side_by_side as beside_one_another

LINES = st.lists(st.sampled_from(["a", "b", "c", "+d", "-e", "--- f", "@@ g", ""]), max_size=30)


@given(LINES, LINES)
def test_two_texts_stand_side_by_side_whole_but_for_equal_lines(old: list[str], new: list[str]) -> None:
    beside = beside_one_another.side_by_side(old, new, context=1)

    left = [pair.left for pair in beside.pairs if pair.left is not None]
    right = [pair.right for pair in beside.pairs if pair.right is not None]
    skipped = sum(pair.skipped for pair in beside.pairs)
    if old == new:
        assert beside.pairs == []
        return
    assert len(left) + skipped == len(old)
    assert len(right) + skipped == len(new)
    for pair in beside.pairs:
        if pair.kind == "same":
            assert pair.left is not None
            assert pair.right is not None
            assert pair.left.text == pair.right.text


def test_of_two_long_texts_the_beginnings_are_compared() -> None:
    beside = beside_one_another.side_by_side([str(n) for n in range(9000)], ["x"] * 9000, most_lines=100)

    assert len(beside.pairs) == 100
    assert beside.left_out == 8900


def test_long_lines_are_cut() -> None:
    beside = beside_one_another.side_by_side(["x" * 100_000], ["y"])

    assert beside.pairs[0].left is not None
    assert len(beside.pairs[0].left.text) == beside_one_another.MOST_COLUMNS + 1
