"""What the user typed -> SourceRef. Looks at the file system, never at the network."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from runner.errors import RequestError, suggestion
from runner.model.source import SourceRef
from runner.sources.credentials import display_url, split_credentials

_EXPECTED = (
    "expected an existing local directory, a git URL (https://, http://, ssh://, git://, file://, "
    "git@host:path) or a .zip (path or http(s) URL), each optionally followed by #subdirectory"
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_SCP = re.compile(r"(?P<user>[^/@:\s]+@)?(?P<host>[^/@:\s]+):(?P<path>(?!//).+)", re.DOTALL)
_AUTHORITY = re.compile(r"(?:[^/@]*(?:@[^/@]*)*@)?(?:\[[0-9A-Fa-f:.]+\]|[^/@:\s\[\]]+)(?::\d+)?")
_GIT_SCHEMES = ("https", "http", "ssh", "git+ssh", "git")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")


def parse(uri: str, version: str | None = None) -> SourceRef:
    """The source that `uri` names, at `version` (a branch, tag or commit; None: as it is, or the default).

    `uri` is a local directory, a git URL or a zip archive, optionally with `#subdirectory`; quotes around
    it are dropped. Raises RequestError, whose message names what is wrong and holds no credentials.
    """
    text = _unquoted(uri.strip())
    if not text or "\x00" in text:
        raise RequestError("no project was named: the URI is empty", hint=_EXPECTED)
    revision = _checked_revision(version)
    try:
        location, subdirectory = _split_subdirectory(text)
        scheme = _SCHEME.match(location)
        if scheme is None:
            return _without_scheme(location, subdirectory, revision)
        if scheme[1].lower() == "file":
            return _local(_path_of_file_url(location), location, subdirectory, revision)
        return _remote(location, scheme[1].lower(), subdirectory, revision)
    except OSError as error:
        # A name too long, or a folder that may not be entered.
        raise RequestError(f"{_shown(text)!r} cannot be used: {error.strerror}", hint=_EXPECTED) from None


def _unquoted(text: str) -> str:
    while len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        text = text[1:-1]
    return text


def _checked_revision(version: str | None) -> str | None:
    if version is None:
        return None
    if not version or version.startswith("-") or _UNPRINTABLE.search(version) or " " in version:
        raise RequestError(
            f"{version!r} is not a version", hint="give a branch, a tag or a commit, or leave the option out"
        )
    if ".." in version or ":" in version:
        raise RequestError(
            f"{version!r} is not one version", hint="give a branch, a tag or a commit, not a range or a file"
        )
    return version


def _split_subdirectory(text: str) -> tuple[str, str]:
    location, mark, fragment = text.partition("#")
    if not mark or (_SCHEME.match(text) is None and not Path(location).exists() and Path(text).exists()):
        return text, ""
    parts = PurePosixPath(fragment).parts
    if fragment.startswith("/") or ".." in parts or "\\" in fragment or _UNPRINTABLE.search(fragment):
        raise RequestError(
            f"the subdirectory {fragment!r} leads out of the project",
            hint="after the first # comes a path within the project, without .. and not absolute",
        )
    return location, str(PurePosixPath(*parts)) if parts else ""


def _without_scheme(location: str, subdirectory: str, revision: str | None) -> SourceRef:
    path = Path(location)
    if not path.exists() and location.startswith("~"):
        path = _expanded(path)
    if path.exists():
        return _local(path, location, subdirectory, revision)
    match = _SCP.fullmatch(location)
    if match is not None and (match["user"] or (match["path"].endswith(".git") and "@" not in location)):
        if location.startswith("-") or _UNPRINTABLE.search(location):
            raise RequestError(f"{location!r} is not a git URL", hint=_EXPECTED)
        return SourceRef(
            kind="git", location=location, subdirectory=subdirectory, revision=revision, display=location
        )
    raise _no_such_path(location)


def _expanded(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def _local(path: Path, typed: str, subdirectory: str, revision: str | None) -> SourceRef:
    if not path.exists():
        raise _no_such_path(typed)
    resolved = path.resolve()
    if resolved.is_dir():
        kind = "git" if _is_bare_repository(resolved) else "directory"
        return SourceRef(
            kind="git" if kind == "git" else "directory",
            location=str(resolved),
            subdirectory=subdirectory,
            revision=revision,
            display=str(resolved),
        )
    if resolved.suffix.lower() == ".zip":
        return _archive(str(resolved), str(resolved), subdirectory, revision)
    script = f" with -e {path.name}" if path.suffix in (".py", ".sh") else ""
    raise RequestError(
        f"{typed!r} is a file, not a project",
        hint=f"name the directory that holds it: {str(path.parent)!r}{script}",
    )


def _is_bare_repository(path: Path) -> bool:
    return (path / "HEAD").is_file() and (path / "objects").is_dir() and (path / "refs").is_dir()


def _path_of_file_url(url: str) -> Path:
    rest = url[len("file://") :]
    host, slash, path = rest.partition("/")
    if host not in ("", "localhost") or not slash:
        raise RequestError(f"{url!r} names no path of this machine", hint="write file:///absolute/path")
    literal = Path(f"/{path}")
    return literal if literal.exists() else Path(unquote(f"/{path}"))


def _remote(url: str, scheme: str, subdirectory: str, revision: str | None) -> SourceRef:
    if scheme not in _GIT_SCHEMES:
        raise RequestError(f"sources cannot be fetched by {scheme}://", hint=_EXPECTED)
    authority = re.split(r"[/?]", url[len(scheme) + 3 :], maxsplit=1)[0]
    if _AUTHORITY.fullmatch(authority) is None:
        # Credentials with an unescaped "/" end up here: nothing of the URL may be shown.
        raise RequestError(
            f"the {scheme}:// URL has no valid host",
            hint="special characters of a user name or password must be percent-encoded (/ is %2F, # is %23)",
        )
    bare, credentials = split_credentials(url)
    secrets = (credentials.username, credentials.password or "") if credentials else ()
    if _UNPRINTABLE.search(url) or any(_UNPRINTABLE.search(secret) for secret in secrets):
        raise RequestError(f"the {scheme}:// URL holds control characters", hint=_EXPECTED)
    display = display_url(url)
    if scheme in ("http", "https") and bare.partition("?")[0].lower().endswith(".zip"):
        return _archive(url, display, subdirectory, revision)
    return SourceRef(kind="git", location=url, subdirectory=subdirectory, revision=revision, display=display)


def _archive(location: str, display: str, subdirectory: str, revision: str | None) -> SourceRef:
    if revision is not None:
        raise RequestError(
            f"{display} is an archive: it has no version {revision!r}",
            hint="leave the version out, or name the git repository",
        )
    return SourceRef(kind="archive", location=location, subdirectory=subdirectory, display=display)


def _no_such_path(typed: str) -> RequestError:
    first = typed.partition("/")[0]
    if re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", first) and "/" in typed:
        return RequestError(
            f"there is no directory {typed!r}", hint=f"for a repository write https://{typed}; {_EXPECTED}"
        )
    meant = _existing_name_like(Path(typed))
    return RequestError(
        f"there is no directory {_shown(typed)!r}", hint=f"did you mean {meant!r}?" if meant else _EXPECTED
    )


def _shown(typed: str) -> str:
    """`typed` without what could be credentials of a URL whose scheme was forgotten."""
    return re.sub(r"^[^/\s]*:[^\s]*@", "", typed)


def _existing_name_like(path: Path) -> str | None:
    """`path` with its first missing component replaced by a sibling that is spelt like it."""
    known = Path(path.anchor)
    for position, part in enumerate(path.parts):
        if (known / part).exists():
            known = known / part
            continue
        try:
            names = [entry.name for entry in known.iterdir()] if known.is_dir() else []
        except OSError:
            return None
        meant = suggestion(part, names)
        if meant is None:
            return None
        whole = known.joinpath(meant, *path.parts[position + 1 :])
        return str(whole if whole.exists() else known / meant)
    return None
