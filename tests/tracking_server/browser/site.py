"""A real server with pages, and the browser that looks at them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

REPOSITORY = Path(__file__).resolve().parents[3]
V2 = "/api/2.0/mlflow"
PARENT = "mlflow.parentRunId"
_STARTS_WITHIN_S = 20
_BROWSERS = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass
class Site:
    """The server's address, and calls that fill its store."""

    url: str
    http: httpx2.Client

    def post(self, path: str, /, **body: Any) -> Any:
        reply = self.http.post(f"{V2}/{path}", json=body)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def experiment(self, name: str, **body: Any) -> str:
        return str(self.post("experiments/create", name=name, **body)["experiment_id"])

    def run(
        self,
        experiment_id: str,
        name: str,
        *,
        parent: str = "",
        params: dict[str, object] | None = None,
        metrics: dict[str, float | str] | None = None,
        tags: dict[str, str] | None = None,
        status: str = "FINISHED",
        start_ms: int | None = None,
        took_ms: int = 1000,
    ) -> str:
        """A run with its data; one that is over, unless its status says otherwise."""
        start_ms = int(time.time() * 1000) if start_ms is None else start_ms
        all_tags = {**(tags or {}), **({PARENT: parent} if parent else {})}
        made = self.post(
            "runs/create",
            experiment_id=experiment_id,
            run_name=name,
            start_time=start_ms,
            tags=[{"key": key, "value": value} for key, value in all_tags.items()],
        )
        run_id = str(made["run"]["info"]["run_id"])
        self.post(
            "runs/log-batch",
            run_id=run_id,
            params=[{"key": key, "value": str(value)} for key, value in (params or {}).items()],
            metrics=[
                {"key": key, "value": value, "timestamp": start_ms, "step": 0}
                for key, value in (metrics or {}).items()
            ],
        )
        if status != "RUNNING":
            self.post("runs/update", run_id=run_id, status=status, end_time=start_ms + took_ms)
        return run_id

    def curve(self, run_id: str, key: str, values: list[float], *, start_ms: int = 1_700_000_000_000) -> None:
        """Logs one metric at the steps 0, 1, 2, …, a second apart."""
        for first in range(0, len(values), 1000):
            self.post(
                "runs/log-batch",
                run_id=run_id,
                metrics=[
                    {"key": key, "value": value, "timestamp": start_ms + 1000 * step, "step": step}
                    for step, value in enumerate(values[first : first + 1000], first)
                ],
            )

    def artifact(self, experiment_id: str, run_id: str, path: str, content: bytes) -> None:
        """Stores a file among a run's artifacts."""
        root = f"/api/2.0/mlflow-artifacts/artifacts/{experiment_id}/{run_id}/artifacts"
        reply = self.http.put(f"{root}/{path}", content=content)
        assert reply.status_code == 200, reply.text


@contextlib.contextmanager
def serving(folder: Path, *options: str) -> Iterator[Site]:
    """A real server on a new store; it ends with the block."""
    store = folder / "mlruns.db"
    discovery = folder / "mlruns.db.server"
    log = folder / "server.log"
    argv = [
        *(sys.executable, "-m", "tracking_server"),
        *(f"--backend-store-uri=sqlite:///{store}", f"--artifacts-destination={folder / 'artifacts'}"),
        *options,
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(argv, cwd=REPOSITORY, stdout=output, stderr=output, start_new_session=True)
    try:
        until = time.monotonic() + _STARTS_WITHIN_S
        while not discovery.exists() or json.loads(discovery.read_text())["pid"] != process.pid:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.01)
        found = json.loads(discovery.read_text())
        with httpx2.Client(base_url=found["url"], timeout=60, trust_env=False) as http:
            yield Site(found["url"], http)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


@contextlib.contextmanager
def chromium(home: Path) -> Iterator[Browser]:
    """The system's Chromium, without a window; skips the test where there is none."""
    program = next((found for name in _BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("needs Chromium: apt-get install chromium")
    options = ["--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=[*options, *(["--no-sandbox"] if os.geteuid() == 0 else [])],
            env={**os.environ, "HOME": str(home)},
        )
        yield browser
        browser.close()


@dataclass
class Watched:
    """What went wrong in a page: errors of its scripts, refusals of its policy, requests to other hosts."""

    site: Site
    problems: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        page.on("request", self._asked)

    def _said(self, message: ConsoleMessage) -> None:
        # A page that says 404 or 400 is the subject of some tests; that Chromium notes it is no fault.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.problems.append(f"console: {message.text}")

    def _asked(self, request: Request) -> None:
        # Chromium shows a PDF with an extension of its own.
        own = (self.site.url, "data:", "blob:", "about:", "chrome:", "chrome-extension:")
        if not request.url.startswith(own):
            self.problems.append(f"request to {request.url}")


@contextlib.contextmanager
def without_scripts(page: Page, site: Site) -> Iterator[Page]:
    """A page of the same browser for which scripts are off."""
    browser = page.context.browser
    assert browser is not None
    with browser.new_context(base_url=site.url, java_script_enabled=False) as context:
        yield context.new_page()


def axe_violations(page: Page) -> list[str]:
    """What axe finds wrong with the page as it is now, a line each."""
    page.evaluate(AXE_FILE_PATH.read_text(encoding="utf-8"))
    found = page.evaluate(
        "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})",
        _AXE_TAGS,
    )
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:200]} {node.get('failureSummary', '')[:300]}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]


def too_wide(page: Page) -> bool:
    """Whether the page as a whole, not a table within it, must be scrolled sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
