from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import ManifestError
from runner.manifest.document import LARGEST_FILE_BYTES, parse_document, read_document

HERE = Path("MLproject")

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.dates(),
    st.text(max_size=12),
    st.sampled_from(
        ["1e-1", "yes", "0x10", "010", "1:30", "null", "~", "=", "<<", "!x", "*a", "&b", "- x", "é: 1"]
    ),
)
keys = st.text(st.characters(categories=["L", "N"], include_characters="_- "), min_size=1, max_size=8)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@given(document=documents, flow=st.booleans())
def test_the_tree_holds_what_the_safe_loader_reads(document: object, flow: bool) -> None:
    text = yaml.safe_dump(document, default_flow_style=flow, allow_unicode=True)
    assert parse_document(text, HERE).plain() == yaml.safe_load(text)


@given(text=st.text(max_size=60) | st.text("{}[]:,-&*!|>'\"#%@` \na?", max_size=40))
def test_any_text_is_a_tree_or_a_manifest_error(text: str) -> None:
    refusal = "MLproject:"
    try:
        parse_document(text, HERE)
    except ManifestError as error:
        refusal = str(error)
    assert refusal.startswith("MLproject:")


@pytest.mark.parametrize(
    "written",
    ["1e-1", ".0", "0x10", "010", "1_000", "1:30", "yes", "Off", "2020-01-01", "~", "", "'1'", "=", ".inf"],
)
def test_scalars_are_read_as_yaml_1_1_reads_them(written: str) -> None:
    field = parse_document(f"key: {written}", HERE).fields["key"].node
    try:
        expected = yaml.safe_load(f"key: {written}")["key"]
    except yaml.YAMLError:  # PyYAML cannot construct `=`; as text it is harmless
        expected = written
    assert field.scalar == expected


def test_nodes_know_their_lines() -> None:
    root = parse_document('a: 1\n\nb:\n  - x\n  - y: "folded\n      text"\n', HERE)
    assert root.fields["b"].line == 3
    first, second = root.fields["b"].node.items
    assert (first.line, second.fields["y"].node.line, second.fields["y"].node.last_line) == (4, 5, 6)


def test_merge_keys_work_as_in_the_safe_loader() -> None:
    text = "base: &b {x: 1, y: 2}\nother: &o {y: 3, z: 4}\none: {<<: *b, y: 9}\ntwo: {<<: [*b, *o]}\n"
    assert parse_document(text, HERE).plain() == yaml.safe_load(text)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "'a' is here twice: in lines 1 and 3"),
        ("x: {\n  a: 1,\n  a: 1}\n", 3, "lines 2 and 3"),
        ("a: !!python/object/apply:os.system [x]", 1, "!!python/object/apply:os.system"),
        ("a: !!python/name:os.system x", 1, "not allowed"),
        ("\na: !custom {x: 1}", 2, "!custom"),
        ("a: !!binary aGk=", 1, "!!binary"),
        ("a: !!set {x}", 1, "!!set"),
        ("a: !!int x", 1, "is not a int"),
        ("a: 2020-13-45", 1, "timestamp"),
        ("a: [1\nb: 2", 2, "not valid YAML"),
        ("a:\n\t- b", 2, "not valid YAML"),
        ("a: b: c", 1, "not valid YAML"),
        ("a: *nowhere", 1, "no anchor"),
        ("a: &a [*a]", 1, "no anchor"),
        ("? [a]\n: b", 1, "a key must be text"),
        ("~: b", 1, "a key must be text"),
        ("<<: 3", 1, "merges maps only"),
        ("a: 1\n---\nb: 2\n", 2, "second document"),
        ("[" * 60 + "]" * 60, 1, "nested more than"),
        ("a: \x07", None, "not valid YAML"),
    ],
)
def test_what_is_refused_is_named_with_its_line(text: str, line: int | None, message: str) -> None:
    with pytest.raises(ManifestError) as caught:
        parse_document(text, HERE)
    assert message in str(caught.value)
    assert caught.value.line == line


def test_a_billion_laughs_are_not_laughed() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(ManifestError, match="aliases included"):
        parse_document("\n".join(lines), HERE)


def test_brackets_without_end_do_not_crash_the_parser() -> None:
    with pytest.raises(ManifestError, match=r"nested more than|maximum nesting depth"):  # ours, or libyaml's
        parse_document("[" * 500_000, HERE)


def test_a_file_is_utf8_text_of_a_sensible_size(tmp_path: Path) -> None:
    file = tmp_path / "MLproject"
    file.write_bytes(b"\xef\xbb\xbfname: with a byte order mark\n")
    assert read_document(file)[0].plain() == {"name": "with a byte order mark"}
    file.write_bytes(b"name: x\nother: \xff\n")
    with pytest.raises(ManifestError, match=":2: is not UTF-8 text"):
        read_document(file)
    file.write_bytes(b"#" * (LARGEST_FILE_BYTES + 1))
    with pytest.raises(ManifestError, match="is larger than"):
        read_document(file)
    file.unlink()
    with pytest.raises(ManifestError, match="cannot be read"):
        read_document(file)
