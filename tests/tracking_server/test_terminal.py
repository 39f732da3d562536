"""What a program wrote to a terminal, as a page shows it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking_server.ui.run import terminal
from tracking_server.ui.run.terminal import COLOURS, EFFECTS, Piece, shown

CLASSES = {*(f"fg-{name}" for name in COLOURS), *(f"bg-{name}" for name in COLOURS), *EFFECTS}
SEQUENCES = st.sampled_from(
    [
        *(
            "\x1b[31m",
            "\x1b[1;4m",
            "\x1b[0m",
            "\x1b[38;5;208m",
            "\x1b[48;2;1;2;3m",
            "\x1b[",
            "\x1b]0;title\x07",
        ),
        *("\r", "\b", "\x1b[K", "\x1b[2K", "\x1b[1K", "\x1b[5C", "\x1b[99999D", "\x1b[3G", "\x1b[m", "\x1b"),
    ]
)
OUTPUT = st.lists(st.text(max_size=8) | SEQUENCES | st.just("\n"), max_size=40).map("".join)


def text_of(line: list[Piece]) -> str:
    return "".join(text for text, _ in line)


@given(OUTPUT)
def test_nothing_that_moves_a_terminal_is_left_in_any_line(output: str) -> None:
    for line in shown(output).lines:
        assert not re.search(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]", text_of(line))
        assert {word for _, classes in line for word in classes.split()} <= CLASSES


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"], include_characters="\n\t")))
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert "\n".join(text_of(line) for line in shown(text).lines) == text


@given(OUTPUT, OUTPUT)
def test_a_log_that_is_read_in_parts_looks_as_if_read_at_once(first: str, second: str) -> None:
    whole = shown(first + "\n" + second)
    before = shown(first + "\n")
    style = terminal.of_classes(before.open_style.classes)

    assert whole.lines == before.lines[:-1] + shown(second, style).lines


@given(st.lists(st.text("ab", max_size=5), min_size=1, max_size=5))
def test_what_is_drawn_over_a_line_hides_as_much_as_it_is_long(drawn: list[str]) -> None:
    expected = ""
    for text in drawn:
        expected = text + expected[len(text) :]

    assert text_of(shown("\r".join(drawn)).lines[0]) == expected


@pytest.mark.parametrize(
    ("output", "line"),
    [
        ("\x1b[31mred\x1b[0m plain", [("red", "fg-red"), (" plain", "")]),
        ("\x1b[1;92mbold green", [("bold green", "fg-green bold")]),
        ("\x1b[1m\x1b[22mno longer bold", [("no longer bold", "")]),
        ("\x1b[38;5;196mx\x1b[39m", [("x", "fg-red")]),
        ("\x1b[38;5;244mx", [("x", "fg-grey")]),
        ("\x1b[38;2;10;20;250mx", [("x", "fg-blue")]),
        ("\x1b[97;40mwhite on black", [("white on black", "")]),
        ("\x1b[43mx\x1b[49my", [("x", "bg-yellow"), ("y", "")]),
        (" 10%\r100%", [("100%", "")]),
        ("downloading\r\x1b[Kdone", [("done", "")]),
        ("abc\b\bX", [("aXc", "")]),
        ("ab\x1b[2Cc", [("ab  c", "")]),
        ("a\x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\b", [("alinkb", "")]),
        ("a\x1b[?25lb\x1b[2Jc\x1b(Bd", [("abcd", "")]),
        ("windows\r", [("windows", "")]),
    ],
)
def test_sequences_do_what_they_do_in_a_terminal(output: str, line: list[Piece]) -> None:
    assert shown(output).lines == [line]


@pytest.mark.parametrize(
    "flood", ["\x1b]", "\x1b[", "a\r", "\x1b[999999999C", "\x1b[31m", "\x1b[9999999999999m"]
)
def test_a_flood_of_sequences_takes_no_time_and_no_room(flood: str) -> None:
    screen = shown(flood * (65_536 // len(flood)))

    assert sum(len(text) for line in screen.lines for text, _ in line) <= 65_536


def test_columns_that_are_skipped_in_many_lines_make_no_page_of_megabytes() -> None:
    screen = shown("\x1b[9999Ga\n" * 6_000)

    assert len(screen.lines) == 6_001
    written = sum(len(text) for line in screen.lines for text, _ in line)
    assert written <= terminal.MOST_SKIPPED + 6_000
