"""Takes the pictures of the web pages that the docs show: `python docs/screenshots/make.py`.

A real server with what a real sweep, a run of changed code and a registered model left, seen in Chromium:
`pip install ".[test]"` and `apt-get install chromium` bring what it needs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Browser  # noqa: E402  # the tests' server is found first

from tests.tracking_server.browser.site import Site, chromium, serving  # noqa: E402

WIDTH, HEIGHT = 1280, 860
EXPERIMENT = "wine quality"
_RUN_TIMEOUT_S = 300


def main() -> None:
    """Makes a store, looks at each of its pages, keeps the pictures beside this file."""
    with tempfile.TemporaryDirectory(prefix="screenshots-") as folder, serving(Path(folder)) as site:
        pages = addresses(*made(site, Path(folder)))
        with chromium(Path(folder)) as browser:
            for name, path in pages.items():
                take(browser, site, path, HERE / f"{name}.png")
                print(f"docs/screenshots/{name}.png")


def made(site: Site, folder: Path) -> tuple[str, str, str, list[str]]:
    """Runs the project beside this file: the ids of the experiment, a run, the sweep, and its trials."""
    project = folder / "wine"
    shutil.copytree(HERE / "project", project)
    for step in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
        subprocess.run(
            ["git", "-C", str(project), "-c", "user.name=a", "-c", "user.email=a@localhost", *step],
            check=True,
        )
    runner = (
        *(sys.executable, "-m", "runner", "run", "--env-manager", "local"),
        "--experiment-name",
        EXPERIMENT,
    )
    environ = {**os.environ, "MLFLOW_TRACKING_URI": site.url, "RUNNER_STATE_DIR": str(folder / "state")}
    _call([*runner, "-e", "tpe", str(project)], environ)
    script = project / "train.py"
    script.write_text(script.read_text().replace("NOISE = 0.03", "NOISE = 0.05"))
    _call([*runner, "-e", "train", "-P", "lr=0.02", str(project)], environ)
    listed = site.post("runs/search", experiment_ids=["1"], max_results=100)["runs"]
    trials = [run["info"]["run_id"] for run in listed if _parent(run)]
    sweep = next(parent for run in listed if (parent := _parent(run)))
    run = next(run for run in listed if run["info"]["run_id"] != sweep and not _parent(run))["info"]["run_id"]
    site.post("registered-models/create", name="wine", description="Predicts the **quality** of a wine.")
    for number, trial in enumerate(trials[:2]):
        site.post("model-versions/create", name="wine", source=f"runs:/{trial}/model", run_id=trial)
        alias = ("challenger", "champion")[number]
        site.post("registered-models/alias", name="wine", alias=alias, version=str(number + 1))
    return "1", run, sweep, trials


def _call(argv: list[str], environ: Mapping[str, str]) -> None:
    subprocess.run(argv, check=True, env=environ, timeout=_RUN_TIMEOUT_S, capture_output=True)


def _parent(run: dict[str, dict[str, list[dict[str, str]]]]) -> str:
    tags = {tag["key"]: tag["value"] for tag in run["data"]["tags"]}
    return tags.get("mlflow.parentRunId", "")


def addresses(experiment: str, run: str, sweep: str, trials: list[str]) -> dict[str, str]:
    """What is looked at, by the names of the pictures."""
    few = "&".join(f"run={trial}" for trial in [run, *trials[:3]])
    return {
        "experiments": "/",
        "runs": f"/experiments/{experiment}?open={sweep}&order=metrics.`val_loss`+ASC",
        "experiment-charts": f"/experiments/{experiment}/charts",
        "run": f"/runs/{run}",
        "run-charts": f"/runs/{run}/charts",
        "artifacts": f"/runs/{run}/artifacts?path=tables/errors.csv",
        "log": f"/runs/{run}/log",
        "provenance": f"/runs/{run}/provenance",
        "comparison": f"/compare?{few}&baseline={run}",
        "sweep": f"/runs/{sweep}/sweep",
        "models": "/models",
        "model": "/models/wine",
    }


def take(browser: Browser, site: Site, path: str, picture: Path) -> None:
    """One picture, once nothing more is loaded."""
    view = {"width": WIDTH, "height": HEIGHT}
    with browser.new_context(base_url=site.url, viewport=view, color_scheme="light") as context:  # type: ignore[arg-type]  # it is a ViewportSize
        page = context.new_page()
        page.goto(path, wait_until="networkidle")
        page.screenshot(path=picture)


if __name__ == "__main__":
    main()
