"""What the viewer of artifacts makes of the bytes of files: text, tables, outlines, models, Markdown."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tracking_server.artifacts.local import LocalArtifacts
from tracking_server.artifacts.places import Place
from tracking_server.ui import artifact_head
from tracking_server.ui.artifacts import kinds, listing, markdown, model, outline, reading, table
from tracking_server.ui.artifacts.held import Held, by_run

HELD = by_run(
    "r1", "mlflow-artifacts:/0/r1/artifacts", Place(store=LocalArtifacts(Path("nowhere")), prefix="")
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)
CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


def held(root: Path) -> Held:
    return by_run("r1", "x", Place(store=LocalArtifacts(root), prefix=""))


def read(data: bytes, size_bytes: int | None = None) -> reading.Text | None:
    return reading.text(
        artifact_head.Head(data=data, size_bytes=len(data) if size_bytes is None else size_bytes)
    )


@pytest.mark.parametrize(
    ("data", "text", "encoding"),
    [
        ("naïve 🍷".encode(), "naïve 🍷", ""),
        (b"\xef\xbb\xbfa", "a", ""),
        ("naïve".encode("utf-16"), "naïve", "UTF-16"),
        (b"\xfe\xff" + "naïve".encode("utf-16-be"), "naïve", "UTF-16"),
        (b"\xff\xfe\0\0" + "naïve".encode("utf-32-le"), "naïve", "UTF-32"),
        ("naïve".encode("latin-1"), "naïve", "Windows-1252"),
        (b"", "", ""),
        (b"\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m", ""),
    ],
)
def test_text_reads_in_whatever_encoding_it_is(data: bytes, text: str, encoding: str) -> None:
    found = read(data)
    assert found is not None
    assert (found.text, found.encoding) == (text, encoding)


@pytest.mark.parametrize(
    "data", [b"\0", b"abc\0def", bytes(range(1, 32)) * 9, b"\x93NUMPY\x01\0v\0", b"\xff\xfe\0\xd8"]
)
def test_what_is_no_text_is_not_shown_as_text(data: bytes) -> None:
    assert read(data) is None


@given(st.text(st.characters(exclude_categories=("Cs", "Cc"))))
def test_utf_8_reads_as_it_is_wherever_it_is_cut(text: str) -> None:
    data = text.encode()
    for end in range(max(0, len(data) - 4), len(data) + 1):
        found = read(data[:end], len(data))
        assert found is not None
        assert text.startswith(found.text) or found.text == text.removeprefix("\ufeff")[: len(found.text)]
        assert found.encoding == ""


@given(st.binary(max_size=300), st.booleans())
def test_no_bytes_break_the_reading(data: bytes, is_cut: bool) -> None:
    read(data, len(data) + is_cut)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=5), min_size=1, max_size=6))
def test_cells_are_those_that_were_written(rows: list[list[str]]) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    found = table.of_delimited(buffer.getvalue(), ",", is_cut=False)
    assert found is not None
    width = max(map(len, rows))
    assert found.columns == rows[0] + [""] * (width - len(rows[0]))
    assert [[cell.text for cell in row] for row in found.rows] == [
        row + [""] * (width - len(row)) for row in rows[1:]
    ]
    assert found.ragged == sum(len(row) != len(rows[0]) for row in rows[1:])
    assert found.row_count == len(rows) - 1


def test_the_delimiter_is_the_one_that_the_header_has() -> None:
    for text in ("a;b,c;d\n1;2,5;3\n", "a\tb,c\td\n1\t2,5\t3\n", "a|b,c|d\n1|2,5|3\n"):
        found = table.of_delimited(text, None, is_cut=False)
        assert found is not None
        assert found.columns == ["a", "b,c", "d"]
        assert found.is_number == [True, True, True]


def test_columns_of_numbers_are_known_despite_gaps() -> None:
    found = table.of_delimited("a,b,c,d\n1,x,nan,\n-2.5e3,2,,\n,3,50%,\n", None, is_cut=False)
    assert found is not None
    assert found.is_number == [True, False, True, False]


def test_long_wide_and_uneven_tables_are_bounded() -> None:
    long = table.of_delimited("a,b\n" + "1,2\n" * 5000, None, is_cut=False)
    cut = table.of_delimited("a,b\n1,2\n3,4\n5", None, is_cut=True)
    wide = table.of_delimited("," * 1_000_000 + "\n" + "1\n" * 5000, None, is_cut=False)
    assert long is not None
    assert (len(long.rows), long.row_count) == (1000, 5000)
    assert cut is not None
    assert ([[cell.text for cell in row] for row in cut.rows], cut.row_count) == (
        [["1", "2"], ["3", "4"]],
        None,
    )
    assert wide is not None
    assert (len(wide.columns), wide.columns_left_out) == (100, 999_901)
    assert sum(map(len, wide.rows)) <= table.MOST_CELLS


@pytest.mark.parametrize("text", ["", "\n\n", 'a,"' + "b" * 200_000])
def test_what_does_not_read_as_a_table_is_none(text: str) -> None:
    assert table.of_delimited(text, None, is_cut=False) is None


def test_a_logged_table_keeps_its_numbers_as_they_were_written_and_its_pictures() -> None:
    image = {"type": "image", "filepath": "t/a.png", "compressed_filepath": "t/a.webp"}
    text = f'{{"columns": ["n", "image"], "data": [[1.50, {json.dumps(image)}], [1e400, null], [NaN]]}}'
    value = outline.of_json(text)
    assert table.is_logged(value)
    found = table.of_logged(value)
    assert [row[0].text for row in found.rows] == ["1.50", "1e400", "NaN"]
    assert found.rows[0][1] == table.Cell(text="a.png", image="t/a.png", thumbnail="t/a.webp")
    assert found.rows[1][1].text == "null"
    assert found.is_number[0]
    assert found.ragged == 1


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        {"columns": [], "data": []},
        {"columns": ["a"], "data": [1]},
        {"columns": ["a"], "data": [[1]], "x": 1},
    ],
)
def test_other_json_is_no_table(value: Any) -> None:
    assert not table.is_logged(value)


@given(VALUES)
def test_json_and_yaml_make_an_outline_of_every_value(value: Any) -> None:
    as_json = outline.outline(outline.of_json(json.dumps(value)))
    as_yaml = outline.outline(outline.of_yaml(yaml.safe_dump(value)))
    for node in (as_json, as_yaml):
        assert node.how == _how(value)
        if isinstance(value, (dict, list)):
            assert len(node.below) == len(value)
        if isinstance(value, str):
            assert node.shown == value


def _how(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return "object" if isinstance(value, dict) else "list"
    return "text" if isinstance(value, str) else "literal"


@given(st.text(max_size=200))
def test_any_text_is_an_outline_or_refused(text: str) -> None:
    for parse in (outline.of_json, outline.of_yaml):
        with contextlib.suppress(outline.Unreadable):
            outline.outline(parse(text))


def test_yaml_that_multiplies_itself_stays_small() -> None:
    nine = ",".join(["*{0}"] * 9)
    laughs = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{nine.format(f'a{n - 1}')}]\n" for n in range(1, 40))
    merges = "a0: &a0 {k: v}\n" + "".join(
        f"a{n}: &a{n} {{<<: [{nine.format(f'a{n - 1}')}], k{n}: v}}\n" for n in range(1, 40)
    )
    for text in (laughs, merges, "a: &a [*a, *a]", "a: &a {b: *a}"):
        root = outline.outline(outline.of_yaml(text))
        assert count(root) <= outline.MOST_NODES
        assert len(outline.compact(outline.of_yaml(text))) <= outline.MOST_CHARACTERS + 1


def count(node: outline.Node) -> int:
    return 1 + sum(map(count, node.below))


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000, "- " * 50_000])
def test_what_is_nested_too_deeply_is_refused(text: str) -> None:
    for parse in (outline.of_json, outline.of_yaml):
        with pytest.raises(outline.Unreadable):
            parse(text)


def test_tags_of_yaml_make_nothing() -> None:
    value = outline.of_yaml("a: !!python/object/apply:os.system [x]\nb: !thing {c: 1}\n")
    assert value == {"a": ["x"], "b": {"c": outline.Literal("1")}}


def test_long_values_are_cut_and_counted() -> None:
    root = outline.outline(outline.of_json(json.dumps({"list": list(range(5000)), "text": "x" * 5000})))
    assert (root.below[0].shown, len(root.below[0].below), root.below[0].left_out) == (
        "5,000 items",
        200,
        4800,
    )
    assert len(root.below[1].shown) == outline.MOST_CHARACTERS + 1


MLMODEL = """
flavors:
  python_function: {loader_module: mlflow.sklearn, data: null}
  sklearn: {sklearn_version: 1.5.0}
model_size_bytes: 1234
saved_input_example_info: {artifact_path: input_example.json}
signature:
  inputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 28, 28]}},
    {"name": "tags", "type": "array", "items": {"type": "string"}, "required": false},
    {"name": "user", "type": "object", "properties": {"id": {"type": "long", "required": true},
    "name": {"type": "string", "required": false}}}, {"name": "m", "type": "map", "values": {"type": "any"}}]'
  outputs: '[{"type": "double"}]'
  params: '[{"name": "top_k", "type": "integer", "default": 5, "shape": null},
    {"name": "stops", "type": "string", "default": ["a"], "shape": [-1]}]'
"""


def test_a_signature_says_types_shapes_and_defaults() -> None:
    found = model.of(MLMODEL)
    inputs, outputs, params = found.signature
    assert [(field.name, field.type, field.shape, field.is_required) for field in inputs.fields] == [
        ("(0)", "tensor of float32", "[-1, 28, 28]", True),
        ("tags", "list of string", "", False),
        ("user", "{id: long, name?: string}", "", True),
        ("m", "map to any", "", True),
    ]
    assert [field.type for field in outputs.fields] == ["double"]
    assert [(field.name, field.type, field.shape, field.default) for field in params.fields] == [
        ("top_k", "integer", "", "5"),
        ("stops", "string", "[-1]", '["a"]'),
    ]
    assert (found.size_bytes, found.libraries, found.is_function) == (1234, ["sklearn"], True)
    assert found.flavours[0].facts == [("loader_module", "mlflow.sklearn")]


@pytest.mark.parametrize(
    "text", ["", "a: [", "[1]", "flavors: [a]", "flavors: 1", "x" * 1000, "flavors: {a: 1}\nsignature: [1]"]
)
def test_an_mlmodel_file_of_any_content_is_a_model_or_refused(text: str) -> None:
    with contextlib.suppress(outline.Unreadable):
        assert model.of(text).signature == []


@given(VALUES)
def test_a_signature_of_any_json_breaks_nothing(value: Any) -> None:
    text = yaml.safe_dump(
        {"flavors": {"f": value}, "signature": {"inputs": json.dumps(value), "params": "{"}}
    )
    model.of(text)


@pytest.mark.parametrize(
    "evil",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[a](javascript:alert(1))",
        "[a](JaVaScRiPt:alert(1))",
        "[a](data:text/html,<script>alert(1)</script>)",
        "[a](vbscript:x)",
        "![a](https://evil.example/pixel.png)",
        "![a](//evil.example/pixel.png)",
        "![a](data:image/svg+xml;base64,AAAA)",
        '[a](x "onmouseover=alert(1)")',
        "<a href='javascript:alert(1)'>a</a>",
        "![a](x.png){onload=alert(1)}",
        "<style>*{display:none}</style>",
        "<iframe src=/></iframe>",
        "[a](../../../runs/other)",
        "[a](/experiments/0/delete)",
    ],
)
def test_markdown_does_no_harm(evil: str) -> None:
    assert_harmless(str(markdown.html(evil, HELD, "notes/README.md")))


_PIECES = st.sampled_from(
    [*"<>[]()!\"'`&:/a\n *#=", "javascript:", "<img ", "data:", "](", "https://x.example/"]
)


@given(st.lists(_PIECES).map("".join))
def test_markdown_of_any_text_does_no_harm(text: str) -> None:
    assert_harmless(str(markdown.html(text, HELD, "README.md")))


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def assert_harmless(html: str) -> None:
    """Nothing in it runs, looks other than the page does, or asks another host for anything."""
    elements = _Elements()
    elements.feed(html)
    own = "/runs/r1/artifacts"
    for tag, attributes in elements.found:
        assert tag not in {
            "script",
            "style",
            "iframe",
            "svg",
            "form",
            "input",
            "link",
            "meta",
            "base",
            "object",
        }
        assert attributes.keys() <= {"href", "src", "alt", "title", "rel", "start", "tabindex"}
        assert (attributes.get("src") or own).startswith(own)
        assert (attributes.get("href") or own).startswith((own, "https://", "http://", "mailto:"))


def test_markdown_leads_to_the_files_beside_it() -> None:
    html = str(
        markdown.html("# One\n\n![p](../plots/a b.png) [q](x.csv) [w](https://a.example/)", HELD, "d/R.md")
    )
    assert "<h3>One</h3>" in html
    assert 'href="/runs/r1/artifacts?path=d%2Fx.csv"' in html
    assert 'href="https://a.example/" rel="noopener noreferrer nofollow"' in html
    picture = str(markdown.html("![p](../plots/a.png)", HELD, "d/R.md"))
    assert 'src="/runs/r1/artifacts/raw?path=plots%2Fa.png"' in picture


def test_only_html_pictures_media_and_documents_are_sent_as_what_they_are() -> None:
    names = (
        "a.xhtml",
        "a.xml",
        "a.svgz",
        "a.js",
        "a.css",
        "a.mht",
        "a.hta",
        "MLmodel",
        "a",
        "a.json",
        "a.swf",
    )
    assert {kinds.of(name).media_type for name in names} == {kinds.TEXT_TYPE}
    assert kinds.of("A.HTML").media_type == "text/html; charset=utf-8"
    assert kinds.of("A.PNG").media_type == "image/png"
    assert kinds.of("a.PARQUET").media_type is None


def test_a_directory_of_many_files_has_pages_and_its_tree_a_beginning(tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    for number in range(450):
        (tmp_path / "many" / f"f{number:03}").touch()
    files = held(tmp_path)
    names: list[str] = []
    after = ""
    while True:
        page = listing.page(files, "many", after)
        names += [entry.name for entry in page.entries]
        after = page.after
        if not after:
            break
    assert names == [f"f{number:03}" for number in range(450)]
    tree = listing.tree(files, "many/f449")
    (many,) = tree.branches
    assert many.cut
    assert len(many.below) == listing.PER_PAGE + 1
    assert tree.chosen is not None
    assert tree.chosen.name == "f449"


def test_only_the_way_to_a_deep_path_is_opened(tmp_path: Path) -> None:
    deep = "/".join(f"d{depth}" for depth in range(20))
    (tmp_path / deep).mkdir(parents=True)
    (tmp_path / deep / "file").touch()
    (tmp_path / "other" / "below").mkdir(parents=True)
    tree = listing.tree(held(tmp_path), f"{deep}/file")
    assert tree.chosen is not None
    assert tree.chosen.path == f"{deep}/file"
    other = next(branch for branch in tree.branches if branch.entry.name == "other")
    assert (other.is_open, other.below) == (False, [])
    for missing in ("nope", "other/nope", f"{deep}/file/nope", f"d0/x/{deep}"):
        assert listing.tree(held(tmp_path), missing).chosen is None


def test_a_search_finds_names_at_any_depth_the_nearest_first(tmp_path: Path) -> None:
    for path in ("b/c/Model.pkl", "a/model.txt", "model", "b/other"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    found = listing.find(held(tmp_path), "", "MODEL")
    assert [entry.path for entry in found.entries] == ["model", "a/model.txt", "b/c/Model.pkl"]
    assert not found.cut
    assert [entry.path for entry in listing.find(held(tmp_path), "b", "model").entries] == ["b/c/Model.pkl"]


def test_a_search_stops_where_there_are_many(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"f{number}").touch()
    found = listing.find(held(tmp_path), "", "f")
    assert (len(found.entries), found.cut) == (listing.MOST_FOUND, True)
