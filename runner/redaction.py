"""Keeps secrets out of everything that is printed or stored.

A hidden word too many can be had back by the user; a leaked secret cannot.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

MASK = b"[redacted]"
_MIN_SECRET_LENGTH = 6
_SECRET_NAME = re.compile(
    r"(TOKEN|PASSWORD|PASSWD|PASSPHRASE|SECRET|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|AUTH)",
    re.IGNORECASE,
)
_NOT_SECRET_NAME = re.compile(r"(_FILE|_PATH|_DIR|_URL|SSH_AUTH_SOCK|XAUTHORITY|_ID)$", re.IGNORECASE)
_URL_CREDENTIALS = re.compile(rb"(?<=://)[^/\s:@]+(:[^/\s@]*)?(?=@)")


def secrets_in(environ: Mapping[str, str]) -> tuple[bytes, ...]:
    """The values of variables whose names say that they are secret, longest first."""
    values = {
        value
        for name, value in environ.items()
        if len(value) >= _MIN_SECRET_LENGTH
        and _SECRET_NAME.search(name)
        and not _NOT_SECRET_NAME.search(name)
    }
    return tuple(sorted((value.encode(errors="surrogateescape") for value in values), key=len, reverse=True))


class Redactor:
    """Replaces known secrets, and credentials in URLs, by `[redacted]`. Immutable, thread-safe."""

    def __init__(self, secrets: Iterable[bytes]) -> None:
        self._secrets = tuple(secret for secret in secrets if secret)
        alternatives = b"|".join(re.escape(secret) for secret in self._secrets)
        self._pattern = re.compile(alternatives) if alternatives else None

    def hide(self, data: bytes) -> bytes:
        """`data` without secrets."""
        if self._pattern is not None:
            data = self._pattern.sub(MASK, data)
        return _URL_CREDENTIALS.sub(MASK, data) if b"://" in data else data

    def undecided_bytes(self, data: bytes) -> int:
        """How many bytes at the end of `data` may begin a secret that goes on in the next piece."""
        if self._pattern is not None:
            # What is a whole secret already is decided, whatever its end looks like.
            data = data[max((match.end() for match in self._pattern.finditer(data)), default=0) :]
        longest = 0
        for secret in self._secrets:
            for length in range(min(len(secret) - 1, len(data)), longest, -1):
                if data.endswith(secret[:length]):
                    longest = length
                    break
        return longest

    def hide_text(self, text: str) -> str:
        """`text` without secrets."""
        return self.hide(text.encode(errors="surrogateescape")).decode(errors="surrogateescape")
