"""Where a run comes from, shown of real runs in a real browser."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.terminal import ROOT, User, git
from tests.tracking_server.browser.site import Site, axe_violations, too_wide

PROJECT = {
    "models/small/MLproject": """
entry_points:
  train:
    parameters:
      lr: float
      words: string
    command: "python show.py {lr} {words}"
""",
    "models/small/show.py": "import sys; print('first', sys.argv[1:])\n",
}


@pytest.fixture
def user(tmp_path: Path, site: Site) -> User:
    directory = tmp_path / "home"
    directory.mkdir()
    folders = {name: str(tmp_path / name) for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME")}
    return User(directory=directory, environ={"MLFLOW_TRACKING_URI": site.url, **folders})


@pytest.fixture
def repository(user: User, tmp_path: Path) -> Path:
    """A clone of a repository elsewhere, with one commit."""
    folder = user.project(PROJECT, name="wine")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-q", "-m", "first")
    git(folder, "init", "-q", "--bare", str(tmp_path / "origin.git"))
    git(folder, "remote", "add", "origin", str(tmp_path / "origin.git"))
    git(folder, "push", "-q", "origin", "main")
    return folder


def launched(site: Site, user: User, project: Path, experiment: str) -> str:
    """The id of a run that the command made."""
    words = ["-e", "train", "--experiment-name", experiment, "-P", "lr=0.1", "-P", 'words=it\'s "so"']
    done = user.types("run", str(project), *words, "--env-manager", "local")
    assert done.code == 0, done.err
    return newest(site, experiment)


def newest(site: Site, experiment: str) -> str:
    found = site.http.get("/api/2.0/mlflow/experiments/get-by-name", params={"experiment_name": experiment})
    experiment_id = found.json()["experiment"]["experiment_id"]
    return str(site.post("runs/search", experiment_ids=[experiment_id])["runs"][0]["info"]["run_id"])


def retyped(page: Page, user: User, folder: Path) -> None:
    """Types what the page says, in a new directory."""
    folder.mkdir(exist_ok=True)
    # The command `runner` of these sources.
    program = f"{shlex.quote(sys.executable)} -m runner"
    script = page.locator("#again").inner_text().replace("runner run", f"{program} run")
    done = subprocess.run(
        ["sh", "-e", "-c", script],
        cwd=folder,
        env=user.variables(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def log_of(page: Page, run_id: str) -> str:
    page.goto(f"/runs/{run_id}/log")
    return page.get_by_role("region", name="Log").inner_text().strip()


def test_a_run_of_a_commit_is_repeated_by_the_command_on_its_page(
    page: Page, site: Site, user: User, repository: Path, tmp_path: Path
) -> None:
    run_id = launched(site, user, repository / "models/small", "repeated")
    page.goto(f"/runs/{run_id}/provenance")
    expect(page.get_by_text("as committed")).to_be_visible()
    expect(page.locator("#commit")).to_have_text(git(repository, "rev-parse", "HEAD"))
    expect(page.locator("#command")).to_contain_text("python show.py 0.1")

    retyped(page, user, tmp_path / "again")

    again = newest(site, "repeated")
    assert again != run_id
    assert log_of(page, again) == log_of(page, run_id) == "first ['0.1', 'it\\'s \"so\"']"


def test_a_run_of_changed_sources_is_repeated_with_what_its_page_gives(
    page: Page, site: Site, user: User, repository: Path, tmp_path: Path
) -> None:
    changed = "import sys, new; print('second', new.WORD, sys.argv[1:])\n"
    (repository / "models/small/show.py").write_text(changed)
    (repository / "models/small/new.py").write_text("WORD = 'untracked'\n")
    (repository / ".env").write_text("SECRET=1\n")
    run_id = launched(site, user, repository / "models/small", "repeated with changes")
    again = tmp_path / "again"
    again.mkdir()

    page.goto(f"/runs/{run_id}")
    page.get_by_role("link", name="with changes", exact=True).click()
    diff = page.get_by_role("region", name="Changes of models/small/show.py")
    expect(diff.locator("tr.removed")).to_contain_text("print('first', sys.argv[1:])")
    expect(diff.locator("tr.added")).to_contain_text("print('second', new.WORD, sys.argv[1:])")
    page.get_by_text("Left out of the record: 1 file").click()
    expect(page.get_by_text(".env (secret)")).to_be_visible()
    for name in ("dirty.patch", "untracked.tar.gz"):
        with page.expect_download() as download:
            page.locator("section.first").get_by_role("link", name=name).click()
        download.value.save_as(again / name)
    retyped(page, user, again)

    repeated = newest(site, "repeated with changes")
    assert repeated != run_id
    assert log_of(page, repeated) == log_of(page, run_id) == "second untracked ['0.1', 'it\\'s \"so\"']"


def test_the_environment_that_was_recorded_is_listed(
    page: Page, site: Site, user: User, repository: Path
) -> None:
    run_id = launched(site, user, repository / "models/small", "environments")
    page.goto(f"/runs/{run_id}/provenance")

    environment = page.locator("#environment")
    expect(environment).to_contain_text(f"{sys.version_info.major}.{sys.version_info.minor}")
    environment.locator("summary").click()
    expect(page.locator("#lock")).to_contain_text("pytest==")


def test_commands_are_copied(page: Page, site: Site, user: User, repository: Path) -> None:
    run_id = launched(site, user, repository / "models/small", "copied commands")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"/runs/{run_id}/provenance")

    page.get_by_role("button", name="Copy the commands").click()

    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#again").inner_text()


def test_ugly_provenance_keeps_the_page_in_shape_and_axe_content(page: Page, site: Site) -> None:
    experiment = site.experiment("e" * 500)
    patch = subprocess.run(
        ["git", "diff", "--no-index", "--", os.devnull, str(ROOT / "tests/tracking_server/browser/site.py")],
        capture_output=True,
        check=False,
    ).stdout
    tags = {
        "mlflow.source.name": "/" + "n" * 400,
        "mlflow.source.type": "PROJECT",
        "mlflow.project.entryPoint": "שלום🍷" * 20,
        "mlflow.source.git.commit": "a" * 40,
        "mlflow.source.git.branch": "b" * 300,
        "mlflow.source.git.repoURL": "https://github.com/" + "r" * 300,
        "mlflow.source.git.dirty": "true",
        "runner.command": "c" * 4000,
        "runner.source.skipped": ", ".join(f"{'s' * 200} ({number})" for number in range(20)),
    }
    run_id = site.run(experiment, "x" * 400, tags=tags)
    for key, path in (("source.artifacts", "source"), ("environment.lock", "environment.lock")):
        site.post("runs/set-tag", run_id=run_id, key=f"runner.{key}", value=f"runs:/{run_id}/runner/{path}")
    site.artifact(experiment, run_id, "runner/source/dirty.patch", patch + ("+" + "y" * 3000 + "\n").encode())
    site.artifact(experiment, run_id, "runner/environment.lock", b"# python 3\n" + b"p" * 2000 + b"==1\n")
    order = {"params": {"q" * 200: "v" * 2000}, "source": {"subdirectory": "d" * 300}, "environment": []}
    site.artifact(experiment, run_id, "runner/run.json", json.dumps(order).encode())
    for width in (360, 768, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(f"/runs/{run_id}/provenance")
        page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true; })")
        expect(page.locator("tr.added").first).to_be_visible()
        assert not too_wide(page), width
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert axe_violations(page) == []
