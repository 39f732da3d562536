"""One file over http(s), with a deadline and a size limit."""

from __future__ import annotations

import base64
import hashlib
import http.client
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO

from runner.errors import SourceError
from runner.sources.credentials import display_url, redact, split_credentials

_CHUNK_BYTES = 256 * 1024
_SILENCE_S = 60.0


class _NoDowngrade(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but neither to another scheme than http(s) nor from https to http."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        allowed = ("https://",) if req.full_url.startswith("https://") else ("https://", "http://")
        if not newurl.lower().startswith(allowed):
            raise urllib.error.HTTPError(
                display_url(newurl), code, "refused to follow a redirect to a weaker protocol", headers, fp
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download(url: str, to: Path, *, timeout_s: float, limit_bytes: int) -> str:
    """Stores what `url` (http or https, credentials allowed) gives as the file `to`; gives its SHA-256.

    Raises SourceError, whose message holds neither credentials nor the URL's query.
    """
    bare, credentials = split_credentials(url)
    display = display_url(url)
    if not bare.lower().startswith(("http://", "https://")):
        raise SourceError(f"{display} is neither an http nor an https URL", ref=display)
    request = urllib.request.Request(  # noqa: S310  # only http and https, as was just checked
        bare.partition("#")[0], headers={"User-Agent": "runner", "Accept-Encoding": "identity"}
    )
    if credentials is not None:
        token = base64.b64encode(f"{credentials.username}:{credentials.password or ''}".encode()).decode()
        # Unlike ordinary headers, this one is not sent to where a redirect leads.
        request.add_unredirected_header("Authorization", f"Basic {token}")
    deadline = time.monotonic() + timeout_s
    try:
        opener = urllib.request.build_opener(_NoDowngrade)
        with opener.open(request, timeout=min(timeout_s, _SILENCE_S)) as answer, to.open("xb") as file:
            return _receive(answer, file, deadline=deadline, limit_bytes=limit_bytes, display=display)
    except urllib.error.HTTPError as error:
        with error:
            raise SourceError(
                f"{display}: the server answered {error.code} {error.reason}",
                ref=display,
                hint="check the URL, and that you may read it",
            ) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = redact(str(getattr(error, "reason", error)), credentials)
        raise SourceError(
            f"{display} could not be downloaded: {reason}",
            ref=display,
            hint="check the connection and try again",
        ) from None


def _receive(
    answer: http.client.HTTPResponse, file: IO[bytes], *, deadline: float, limit_bytes: int, display: str
) -> str:
    digest = hashlib.sha256()
    received = 0
    expected = answer.headers.get("Content-Length")
    while chunk := answer.read1(_CHUNK_BYTES):
        received += len(chunk)
        if received > limit_bytes:
            raise SourceError(f"{display} is larger than {limit_bytes} bytes", ref=display)
        if time.monotonic() > deadline:
            raise TimeoutError("it took longer than allowed (RUNNER_FETCH_TIMEOUT_S)")
        digest.update(chunk)
        file.write(chunk)
    if expected is not None and expected.isdigit() and received != int(expected):
        raise SourceError(
            f"{display}: the connection broke after {received} of {expected} bytes", ref=display
        )
    return digest.hexdigest()
