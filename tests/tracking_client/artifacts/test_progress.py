"""One line about a long transfer, for those who look at a terminal."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.tracking_client.scripts import Scripts
from tracking_client.artifact_stores.progress import VARIABLE, Progress
from tracking_client.errors import ArtifactError


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _told(stream: io.StringIO, at_s: list[float], environ: dict[str, str] | None = None) -> str:
    """What is printed where a quarter of 4 MB moves at each of these moments."""
    times = iter([0.0, *at_s])
    with Progress(
        "uploading", 4_000_000, stream=stream, environ=environ or {}, now=lambda: next(times)
    ) as it:
        for _ in at_s:
            it.advance(1_000_000)
    return stream.getvalue()


def test_a_transfer_of_less_than_a_second_says_nothing() -> None:
    assert _told(_Terminal(), [0.1, 0.5, 0.9, 0.99]) == ""


def test_a_longer_one_has_one_line_that_is_cleared_in_the_end() -> None:
    told = _told(_Terminal(), [0.5, 1.0, 1.05, 2.0])
    assert "\n" not in told
    lines = told.split("\r\x1b[K")
    assert lines[1:3] == ["uploading: 2 MB of 4 MB (50%), 2 MB/s", "uploading: 4 MB of 4 MB (100%), 2 MB/s"]
    assert lines[-1] == ""


@pytest.mark.parametrize("value", ["false", "False", "0"])
def test_it_can_be_switched_off(value: str) -> None:
    assert _told(_Terminal(), [1, 2, 3, 4], {VARIABLE: value}) == ""
    assert _told(_Terminal(), [1, 2, 3, 4], {VARIABLE: "true"}) != ""


def test_where_nobody_looks_nothing_is_printed(tmp_path: Path) -> None:
    assert _told(io.StringIO(), [1, 2, 3, 4]) == ""
    with (tmp_path / "closed").open("w") as closed:
        pass
    with Progress("x", None, stream=closed, environ={}) as progress:
        progress.advance(1)


def test_what_was_stopped_says_so_to_the_others() -> None:
    with Progress("downloading", None, stream=io.StringIO(), environ={}) as progress:
        progress.advance(1)
        progress.stop()
        with pytest.raises(ArtifactError, match="another file failed"):
            progress.advance(1)


def test_a_program_whose_output_is_a_file_prints_nothing(scripts: Scripts, tmp_path: Path) -> None:
    source = (
        "import sys\nfrom tracking_client.artifact_stores import transfers\n"
        "from tracking_client.artifact_stores.directory import DirectoryRoot\nfrom pathlib import Path\n"
        "path = Path(sys.argv[1]); path.write_bytes(b'x' * 1000)\n"
        "transfers.put_files(DirectoryRoot(path.parent / 'root'), [(path, 'x')])\n"
    )
    done = scripts.run(source, str(tmp_path / "file"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
