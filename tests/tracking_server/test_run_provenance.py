"""Where a run comes from, asked of a server in this process."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tracking_server.page_requests import page, put, tag
from tracking_server.ui.run.source import source_of, web_page_of

PARENT = "mlflow.parentRunId"


@pytest.mark.parametrize(
    ("repository", "address"),
    [
        ("https://github.com/team/wine.git", "https://github.com/team/wine"),
        ("git@github.com:team/wine.git", "https://github.com/team/wine"),
        ("ssh://git@gitlab.example.org:2222/a/b/c.git", "https://gitlab.example.org/a/b/c"),
        ("https://ada:secret@example.org/wine", "https://example.org/wine"),
        ("http://localhost:3000/team/wine/", "http://localhost:3000/team/wine"),
        ("git://example.org/wine", "https://example.org/wine"),
        ("/srv/git/wine.git", ""),
        ("file:///srv/git/wine.git", ""),
        ("javascript:alert(1)", ""),
        ("https://[broken/x", ""),
        ("https:///x", ""),
        ("", ""),
    ],
)
def test_a_repository_is_linked_where_a_browser_finds_it(repository: str, address: str) -> None:
    assert web_page_of(repository) == address


@pytest.mark.parametrize(
    ("repository", "link"),
    [
        ("git@github.com:team/wine.git", "https://github.com/team/wine/commit/abcdef0"),
        ("https://gitlab.com/team/wine", "https://gitlab.com/team/wine/-/commit/abcdef0"),
        ("https://bitbucket.org/team/wine", "https://bitbucket.org/team/wine/commits/abcdef0"),
        ("https://example.org/team/wine", ""),
    ],
)
def test_a_commit_is_linked_where_the_forge_is_known(repository: str, link: str) -> None:
    noted = {"mlflow.source.git.repoURL": repository, "mlflow.source.git.commit": "abcdef0"}

    assert source_of(noted).commit_link == link


def test_what_was_stored_with_the_sweep_is_shown_with_its_trials(api: Any) -> None:
    sweep = api.run()
    patch = b"diff --git a/train.py b/train.py\n--- a/train.py\n+++ b/train.py\n@@ -1 +1 @@\n-old <b>\n+new\n"
    put(api, sweep, "runner/source/dirty.patch", patch)
    put(api, sweep, "runner/environment.lock", b"# python 3.11.2\nnumpy==2.0\npandas==2.2\n")
    trial = api.run(
        tags=[
            tag(PARENT, sweep),
            tag("mlflow.source.git.dirty", "true"),
            tag("mlflow.source.git.commit", "a" * 40),
            tag("runner.source.artifacts", f"runs:/{sweep}/runner/source"),
            tag("runner.environment.lock", f"runs:/{sweep}/runner/environment.lock"),
            tag("runner.source.skipped", ".env (secret)"),
        ]
    )

    html = page(api, f"/runs/{trial}/provenance")

    for words in ("old &lt;b&gt;", "train.py", "3.11.2", "2 packages", "numpy==2.0", ".env (secret)"):
        assert words in html
    assert f'href="/get-artifact?run_id={sweep}&amp;path=runner%2Fsource%2Fdirty.patch"' in html
    assert "the run of its sweep" in html


@pytest.mark.parametrize(
    "uri", ["runs:/nope/x", "runs:/{run}/../../x", "s3://bucket/x", "runs:/", "x" * 5000]
)
def test_tags_that_lead_nowhere_do_not_break_the_page(api: Any, uri: str) -> None:
    run_id = api.run()
    for key in ("runner.source.artifacts", "runner.environment.lock"):
        api.post("runs/set-tag", run_id=run_id, key=key, value=uri.replace("{run}", run_id))
    put(api, run_id, "runner/run.json", b"[" * 100_000)

    assert "Provenance" in page(api, f"/runs/{run_id}/provenance")


def test_a_long_patch_is_cut_and_the_rest_is_a_link(api: Any) -> None:
    run_id = api.run(tags=[tag("mlflow.source.git.dirty", "true")])
    api.post(
        "runs/set-tag", run_id=run_id, key="runner.source.artifacts", value=f"runs:/{run_id}/runner/source"
    )
    lines = "".join(f"+line {number}\n" for number in range(100_000))
    header = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -0,0 +1,100000 @@\n"
    put(api, run_id, "runner/source/dirty.patch", (header + lines).encode())

    html = page(api, f"/runs/{run_id}/provenance")

    assert "line 2000<" in html
    assert "line 4000<" not in html
    assert "The rest of it is in" in html


def test_a_run_that_nobody_noted_the_origin_of_says_so(api: Any) -> None:
    assert "Nobody noted where this run comes from" in page(api, f"/runs/{api.run()}/provenance")
