"""Descriptions in Markdown, as pages show them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking_server.ui.markdown import MOST_CHARACTERS, rendered

BITS = [
    "<script>",
    "</script>",
    "<img src=x onerror=alert(1)>",
    "<a href='javascript:alert(1)'>",
    "](",
    "![",
    "`",
]
BITS += [
    "<svg/onload=alert(1)>",
    "<iframe src=//x>",
    "<style>*{}</style>",
    "[x](javascript:alert(1))",
    "\n\n",
]
BITS += [
    '<p style="position:fixed" class="bar" id="main">',
    "<form action=/runs/x/delete>",
    "<h1>",
    "&lt;",
    "# ",
]


def test_what_people_write_is_rendered() -> None:
    html = rendered(
        "# Title\n\n**bold** ~~gone~~ `code`\n\n- a\n- b\n\n|x|y|\n|-|-:|\n|1|2|\n\n<kbd>Ctrl</kbd>"
    )

    for part in ("<h3>Title</h3>", "<strong>bold</strong>", "<s>gone</s>", "<code>code</code>", "<li>a</li>"):
        assert part in html
    assert "<td>1</td>" in html
    assert "<kbd>Ctrl</kbd>" in html


@given(st.lists(st.sampled_from(BITS) | st.text(max_size=5), max_size=20).map("".join))
def test_nothing_of_a_description_can_act(text: str) -> None:
    html = str(rendered(text)).lower()

    tags = re.findall(r"<\s*/?\s*([a-z0-9]+)([^>]*)", html)
    assert not {name for name, _ in tags} & {
        "script",
        "iframe",
        "svg",
        "style",
        "form",
        "h1",
        "h2",
        "div",
        "span",
    }
    for _, attributes in tags:
        assert not re.search(r"\b(on\w+|style|class|id)\s*=", re.sub(r'"[^"]*"', '""', attributes))
        assert not re.search(r'(href|src)="\s*javascript:', attributes)


def test_links_leave_no_trace_of_the_page_they_were_on() -> None:
    assert 'rel="noopener noreferrer nofollow"' in rendered("[x](https://example.org/)")
    assert "href" not in rendered("[x](data:text/html,boo)")


@pytest.mark.parametrize(
    ("source", "is_kept"),
    [
        ("data:image/png;base64,AAAA", True),
        ("/get-artifact?run_id=1&path=plot.png", True),
        ("https://example.org/pixel.png", False),
        ("//example.org/pixel.png", False),
        ("/\\example.org/pixel.png", False),
        ("/\t/example.org/pixel.png", False),
        ("data:text/html,boo", False),
        ("plot.png", False),
    ],
)
def test_pictures_are_of_this_server_or_of_the_text_itself(source: str, is_kept: bool) -> None:
    html = rendered(f'<img src="{source}" alt="a plot">')

    assert ("src=" in html) == is_kept
    assert 'alt="a plot"' in html


@given(st.lists(st.integers(1, 6), min_size=1, max_size=12))
def test_headings_leave_out_no_level(levels: list[int]) -> None:
    html = rendered("\n\n".join(f"{'#' * level} x" for level in levels))

    found = [int(level) for level in re.findall(r"<h(\d)>", html)]
    assert len(found) == len(levels)
    assert found[0] == 3
    assert all(later - earlier <= 1 for earlier, later in zip(found, found[1:], strict=False))


def test_of_a_very_long_text_the_beginning_is_rendered() -> None:
    assert len(rendered("x" * (2 * MOST_CHARACTERS))) < MOST_CHARACTERS + 100
