"""What a run's tags say of the code it ran, and where a forge shows that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import quote, urlsplit

from tracking_client.wire import names

_SCP_LIKE = re.compile(r"(?:[\w.+-]+@)?(?P<host>[A-Za-z0-9.-]+\.[A-Za-z]{2,}):(?P<path>(?!/|\d+/).+)")
_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d+)?")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_SHORT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The code of a run; "" for what nobody noted.

    `repository_link` and `commit_link` are addresses of web pages, "" where no forge is known that has them.
    `is_dirty` is None where nobody looked.
    """

    name: str
    kind: str
    entry_point: str
    branch: str
    commit: str
    repository: str
    repository_link: str
    commit_link: str
    is_dirty: bool | None

    @property
    def short_commit(self) -> str:
        """As much of the commit as people read."""
        return self.commit[:_SHORT]

    @property
    def short_name(self) -> str:
        """What was launched: the entry point, or the script without its directory."""
        return self.entry_point or PurePosixPath(self.name.rstrip("/")).name or self.name


def source_of(noted: Mapping[str, str]) -> Source:
    """The source that the tags of a run describe."""
    repository = noted.get(names.GIT_REPO_URL, "")
    commit = noted.get(names.GIT_COMMIT, "")
    page = web_page_of(repository)
    return Source(
        name=noted.get(names.SOURCE_NAME, ""),
        kind=noted.get(names.SOURCE_TYPE, ""),
        entry_point=noted.get("runner.sweep", "") or noted.get(names.PROJECT_ENTRY_POINT, ""),
        branch=noted.get(names.GIT_BRANCH, ""),
        commit=commit,
        repository=repository,
        repository_link=page,
        commit_link=_commit_page(page, commit) if page and _COMMIT.fullmatch(commit) else "",
        is_dirty={"true": True, "false": False}.get(noted.get(names.GIT_DIRTY, "").lower()),
    )


def web_page_of(repository: str) -> str:
    """Where a browser finds a repository that git knows by an http, ssh or git address; "" for others."""
    scp_like = _SCP_LIKE.fullmatch(repository)
    if scp_like is not None:
        return _page("https", scp_like["host"], scp_like["path"])
    try:
        parts = urlsplit(repository)
    except ValueError:
        return ""
    if parts.scheme in ("http", "https"):
        # Without whoever's name and password stand before the host.
        return _page(parts.scheme, parts.netloc.rpartition("@")[2], parts.path)
    if parts.scheme in ("ssh", "git", "git+ssh"):
        return _page("https", parts.hostname or "", parts.path)
    return ""


def _page(scheme: str, host: str, path: str) -> str:
    path = path.strip("/").removesuffix(".git")
    if not _HOST.fullmatch(host) or not path or not path.isprintable():
        return ""
    return f"{scheme}://{host}/{quote(path, safe='/~')}"


def comparison_page_of(repository: str, old: str, new: str) -> str:
    """Where a forge shows what lies between two commits of a repository; "" where none is known to."""
    page = web_page_of(repository)
    if not page or old == new or not (_COMMIT.fullmatch(old) and _COMMIT.fullmatch(new)):
        return ""
    match _forge_of(page):
        case "gitlab":
            return f"{page}/-/compare/{old}...{new}"
        case "bitbucket":
            return f"{page}/branches/compare/{new}%0D{old}"
        case "github":
            return f"{page}/compare/{old}...{new}"
        case _:
            return ""


def _commit_page(repository: str, commit: str) -> str:
    match _forge_of(repository):
        case "gitlab":
            return f"{repository}/-/commit/{commit}"
        case "bitbucket":
            return f"{repository}/commits/{commit}"
        case "github":
            return f"{repository}/commit/{commit}"
        case _:
            return ""


def _forge_of(page: str) -> str:
    """Whose addresses a forge has; "" where nobody can tell. Gitea and Forgejo have those of GitHub."""
    host = urlsplit(page).hostname or ""
    if any(word in host for word in ("github", "codeberg", "gitea", "forgejo")):
        return "github"
    return next((word for word in ("gitlab", "bitbucket") if word in host), "")
