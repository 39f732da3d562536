"""A patch, taken apart for a page."""

from __future__ import annotations

import difflib
import subprocess
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tracking_server.ui.diff import File, Line, parsed

LINES = st.lists(st.text("ab+- @\\", max_size=4), max_size=12)


def sides(file: File) -> tuple[dict[int, str], dict[int, str]]:
    """Line number to text, before and after."""
    lines = [line for hunk in file.hunks for line in hunk.lines]
    before = {line.before: line.text for line in lines if line.before is not None}
    after = {line.after: line.text for line in lines if line.after is not None}
    return before, after


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    return subprocess.run(
        ["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True
    ).stdout


@given(LINES, LINES)
def test_numbers_and_texts_are_those_of_both_files(before: list[str], after: list[str]) -> None:
    patch = "\n".join(difflib.unified_diff(before, after, "a/file", "b/file", lineterm="", n=len(before)))

    diff = parsed(patch + "\n", 1000)

    if before == after:
        assert not diff.files
        return
    assert sides(diff.files[0]) == (dict(enumerate(before, 1)), dict(enumerate(after, 1)))


@given(
    st.text() | st.lists(st.sampled_from(["diff --git a/x b/x", "@@ -1 +1 @@", "+a", "-b", "c", "+++ b/x"]))
)
def test_any_text_is_taken(patch: str | list[str]) -> None:
    text = patch if isinstance(patch, str) else "\n".join(patch)

    assert parsed(text, 10).is_cut == (len(text.removesuffix("\n").split("\n")) > 10)


def test_what_git_writes_is_understood(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    names = ["changed.py", "gone.txt", 'ärger "x".txt', "picture.bin", "run.sh", "with space.txt"]
    for name in names:
        (tmp_path / name).write_bytes(b"one\ntwo\nthree\n")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "first")
    (tmp_path / "changed.py").write_text("one\n-- 2\nthree\nfour")
    (tmp_path / "gone.txt").unlink()
    (tmp_path / 'ärger "x".txt').write_text("two\nthree\n")
    (tmp_path / "picture.bin").write_bytes(bytes(range(256)))
    (tmp_path / "run.sh").chmod(0o755)
    (tmp_path / "with space.txt").write_text("")
    (tmp_path / "new.txt").write_text("new\n")
    git(tmp_path, "add", "-N", "new.txt")

    files = {file.path: file for file in parsed(git(tmp_path, "diff", "--binary"), 1000).files}

    assert sorted(files) == sorted([*names, "new.txt"])
    before, after = sides(files["changed.py"])
    assert before == {1: "one", 2: "two", 3: "three"}
    assert after == {1: "one", 2: "-- 2", 3: "three", 4: "four"}
    assert files["changed.py"].hunks[0].lines[-1] == Line("note", "No newline at end of file")
    assert files["gone.txt"].changes == ["deleted"]
    assert (files["gone.txt"].added, files["gone.txt"].removed) == (0, 3)
    assert files['ärger "x".txt'].removed == 1
    assert files["picture.bin"].changes == ["binary"]
    assert not files["picture.bin"].hunks
    assert files["run.sh"].changes == ["mode changed"]
    assert files["new.txt"].changes == ["new"]
    assert files["with space.txt"].removed == 3
