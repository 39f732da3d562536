"""Credentials in URLs: taken out at the door, handed to git out of sight, never printed.

A secret must appear neither in argv (others can list processes) nor in a file. git gets it through a
credential helper that is defined by environment variables and answers for the URL's own host alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

_WITH_SCHEME = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<rest>.*)", re.DOTALL
)
_ANY_USERINFO = re.compile(r"(?<=://)[^/\s]*@")
_TOKEN_LENGTH = 8
_HELPER = (
    '!f() { test "$1" = get && '
    'printf \'username=%s\\npassword=%s\\n\' "$RUNNER_SOURCE_USERNAME" "$RUNNER_SOURCE_PASSWORD"; }; f'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What stood before the `@` of a URL, percent-decoded. `repr` shows nothing of it."""

    username: str = field(repr=False)
    password: str | None = field(repr=False)


def split_credentials(url: str) -> tuple[str, Credentials | None]:
    """`url` without its credentials, and those.

    The user name of an ssh URL stays: it is an address (`git@`), not a secret.
    """
    match = _WITH_SCHEME.fullmatch(url)
    if match is None or "@" not in match["authority"]:
        return url, None
    userinfo, _, host = match["authority"].rpartition("@")
    username, colon, password = userinfo.partition(":")
    if match["scheme"].lower().endswith("ssh"):
        host = f"{username}@{host}"
    bare = f"{match['scheme']}://{host}{match['rest']}"
    return bare, Credentials(username=unquote(username), password=unquote(password) if colon else None)


def display_url(url: str) -> str:
    """`url` as it may be printed and stored: without credentials, query (may be signed) and fragment."""
    bare, _ = split_credentials(url)
    match = _WITH_SCHEME.fullmatch(bare)
    return bare if match is None else bare.partition("#")[0].partition("?")[0]


def redact(text: str, credentials: Credentials | None) -> str:
    """`text` of a tool without `credentials`, and without whatever looks like credentials in a URL."""
    if credentials is not None:
        # A short user name is a part of words; a long one may be a token.
        username = credentials.username if len(credentials.username) >= _TOKEN_LENGTH else None
        for secret in (credentials.password, username):
            for form in {secret, quote(secret, safe="")} if secret else ():
                text = text.replace(form, "***")
    return _ANY_USERINFO.sub("", text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How git authenticates: configuration, and variables for it. Empty: as the user set git up."""

    config: tuple[tuple[str, str], ...] = ()
    variables: tuple[tuple[str, str], ...] = field(default=(), repr=False)


def access(url: str, credentials: Credentials | None) -> Access:
    """What lets git use `credentials` for the host of `url` (without credentials), and nowhere else.

    Other helpers are switched off for that host, as they would store the credentials on disk.
    """
    match = _WITH_SCHEME.fullmatch(url)
    if credentials is None or match is None or match["scheme"].lower() not in ("http", "https"):
        return Access()
    scope = f"credential.{match['scheme'].lower()}://{match['authority']}"
    if credentials.password is None:
        return Access(config=((f"{scope}.username", credentials.username),))
    return Access(
        config=((f"{scope}.helper", ""), (f"{scope}.helper", _HELPER)),
        variables=(
            ("RUNNER_SOURCE_USERNAME", credentials.username),
            ("RUNNER_SOURCE_PASSWORD", credentials.password),
        ),
    )
