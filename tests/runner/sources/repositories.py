"""Real git repositories for tests, and what fetches from them."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runner.events import Event, SourceProgress, Warned
from runner.model.source import Checkout
from runner.settings import Settings, read_settings
from runner.sources.fetch import fetch
from runner.sources.reference import parse

NASTY = "a'; echo \"b c"


def git(folder: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> str:
    """What git prints; a failure fails the test with git's message."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={**os.environ, **(environ or {})},
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, f"git {arguments}: {done.stderr}"
    return done.stdout.rstrip("\n")


@dataclass(frozen=True)
class Repository:
    """A repository with a working tree at `path`."""

    path: Path

    @classmethod
    def new(cls, path: Path, files: Mapping[str, str | bytes] | None = None) -> Repository:
        path.mkdir(parents=True, exist_ok=True)
        git(path, "init", "--quiet", "-b", "main")
        made = cls(path)
        made.commit(files if files is not None else {"MLproject": "name: first\n"}, "first")
        return made

    def write(self, files: Mapping[str, str | bytes]) -> None:
        for name, content in files.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())

    def commit(self, files: Mapping[str, str | bytes], message: str = "more") -> str:
        self.write(files)
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.head

    def git(self, *arguments: str) -> str:
        return git(self.path, *arguments)

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    @property
    def url(self) -> str:
        return f"file://{self.path}/.git"

    def lose_objects(self) -> None:
        """Makes every fetch from here fail."""
        shutil.rmtree(self.path / ".git" / "objects")
        (self.path / ".git" / "objects").mkdir()

    def add_submodule(self, url: str, path: str) -> str:
        self.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", url, path)
        return self.commit({}, f"submodule {path}")


@dataclass
class Fetcher:
    """Fetches with a cache of its own and remembers the news."""

    cache: Path
    timeout_s: float = 60.0
    news: list[Event] = field(default_factory=list)

    @property
    def settings(self) -> Settings:
        return read_settings(
            {
                "HOME": str(self.cache.parent),
                "RUNNER_CACHE_DIR": str(self.cache),
                "RUNNER_FETCH_TIMEOUT_S": str(self.timeout_s),
            }
        )

    def __call__(self, uri: str, version: str | None = None) -> Checkout:
        return fetch(parse(uri, version), settings=self.settings, listener=self.news.append)

    @property
    def warnings(self) -> list[str]:
        return [event.message for event in self.news if isinstance(event, Warned)]

    @property
    def progress(self) -> list[str]:
        return [event.step for event in self.news if isinstance(event, SourceProgress)]

    def mirrors(self) -> list[Path]:
        folder = self.cache / "sources" / "mirrors"
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))

    def leftovers(self) -> list[Path]:
        return sorted((self.cache / "sources").rglob(".staging-*"))


def snapshot(folder: Path) -> dict[str, str]:
    """Every file below `folder` (`.git` included) with a digest of its content, mode and time."""
    found = {}
    for directory, _, names in os.walk(folder):
        for name in names:
            file = Path(directory) / name
            status = file.lstat()
            content = os.readlink(file).encode() if file.is_symlink() else file.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            found[str(file.relative_to(folder))] = f"{digest} {status.st_mode:o} {status.st_mtime_ns}"
    return found


def tree(folder: Path) -> dict[str, tuple[str, bytes]]:
    """The working tree below `folder`, without `.git`: kind (or `program`) and content of each file."""
    found = {}
    for directory, folders, names in os.walk(folder):
        links = [name for name in folders if (Path(directory) / name).is_symlink()]
        folders[:] = [name for name in folders if name != ".git" and name not in links]
        for name in (*names, *links):
            file = Path(directory) / name
            if name == ".git":
                continue
            path = str(file.relative_to(folder))
            if file.is_symlink():
                found[path] = ("link", os.fsencode(os.readlink(file)))
            else:
                kind = "program" if file.stat().st_mode & 0o100 else "file"
                found[path] = (kind, file.read_bytes())
    return found
