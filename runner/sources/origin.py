"""A repository to fetch from, and what its failures mean to people."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from runner.errors import CloneFailed
from runner.sources.credentials import Access, Credentials, access, display_url, redact, split_credentials
from runner.sources.git_command import GitFailed, GitTimeout

_UNREACHABLE = re.compile(
    r"could not resolve (host|proxy)|failed to connect|connection (refused|reset|timed out|closed)|"
    r"unable to connect|network is unreachable|no route to host|operation timed out|couldn't connect|"
    r"temporary failure in name resolution|name or service not known|operation too slow|timeout was reached",
    re.IGNORECASE,
)
_HINTS: Mapping[str, str] = {
    r"host key verification failed": (
        "the host is not known to ssh: connect to it once with ssh, or add its key to known_hosts"
    ),
    r"permission denied \(publickey|permission denied, please try again": (
        "ssh has no key that the host accepts: load one into ssh-agent (nothing is asked for here)"
    ),
    r"could not read (username|password)|authentication failed|prompts disabled|access denied|: 40[13]": (
        "the host wants credentials: set up a git credential helper, or use an ssh URL "
        "(hosts also answer so where a private or misspelt repository is asked for)"
    ),
    r"dubious ownership": (
        "the repository belongs to another user: if you trust it, run "
        "`git config --global --add safe.directory PATH`"
    ),
    r"repository not found|does not appear to be a git repository|not found$|error: 404": (
        "check the spelling of the URL, and that you may read it"
    ),
    r"not our ref|unadvertised object": "the commit was never pushed there, or was removed since",
    r"no space left on device": "the disk is full: free some space, or set RUNNER_CACHE_DIR elsewhere",
    r"certificate": "the server's certificate is not trusted: see git's http.sslCAInfo",
}
_SHOWN_LINES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a repository is fetched from: `url` holds no credentials, `key` names it in the cache.

    `is_local` says that the URL leads to a place on this machine.
    """

    url: str
    display: str
    credentials: Credentials | None = field(default=None, repr=False)
    access: Access = field(default_factory=Access, repr=False)

    @classmethod
    def of(cls, url: str, *, access_if_none: Access | None = None) -> Origin:
        """The origin at `url`. `access_if_none` is used where the URL itself has no credentials."""
        bare, credentials = split_credentials(url)
        own = access(bare, credentials)
        return cls(
            url=bare,
            display=display_url(bare),
            credentials=credentials,
            access=own if own.config or access_if_none is None else access_if_none,
        )

    @property
    def key(self) -> str:
        """A short, file-safe name that is the same for each spelling of the credentials."""
        return hashlib.sha256(self.url.rstrip("/").encode(errors="surrogateescape")).hexdigest()[:24]

    @property
    def is_local(self) -> bool:
        """Whether git would read the repository from this machine's disks."""
        return self.url.startswith(("/", "./", "../", "file:"))

    @property
    def uses_ssh(self) -> bool:
        """Whether git would start ssh."""
        return "ssh://" in self.url or not (self.is_local or "://" in self.url)

    def failure(self, error: GitFailed, doing: str) -> CloneFailed:
        """What to tell people about `error`, which ended `doing` ("fetch"). Holds no credentials."""
        output = redact(error.output, self.credentials)
        lines = [line for line in output.splitlines() if line.strip()][-_SHOWN_LINES:]
        return CloneFailed(
            f"git could not {doing} {self.display}:\n  " + "\n  ".join(lines or [str(error)]),
            ref=self.display,
            hint=self._hint(error, output),
        )

    def _hint(self, error: GitFailed, output: str) -> str | None:
        if re.search(r"/(tree|blob)/", self.url):
            return "give the repository's own URL, with #subdirectory and --version for the rest"
        for pattern, hint in _HINTS.items():
            if re.search(pattern, output, re.IGNORECASE | re.MULTILINE):
                return hint
        if isinstance(error, GitTimeout):
            return "raise RUNNER_FETCH_TIMEOUT_S if the repository is large"
        return "check the connection and try again" if is_unreachable(error) else None


def is_unreachable(error: GitFailed) -> bool:
    """Whether the other side could not be reached at all, as opposed to having refused."""
    return isinstance(error, GitTimeout) or _UNREACHABLE.search(error.output) is not None
