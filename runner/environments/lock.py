"""What is in an environment, as a text to keep with a run: one requirement a line, exact."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from runner.environments.builder import BuildOrder
from runner.model.environment import LocalSource
from runner.process import ToolTimeout, capture
from runner.redaction import Redactor

_DESCRIBE = Path(__file__).with_name("describe.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """What an environment's Python says of itself."""

    prefix: Path
    version: str
    lock: str


def look_inside(
    python: Path, order: BuildOrder, *, builder: str, installed_from: dict[str, LocalSource]
) -> Inside:
    """Starts the environment's Python and lists what is installed: the health check and the lock in one.

    `installed_from` says which local source a path stands for. Raises EnvironmentBuildError where Python
    does not start, or starts as another environment.
    """
    try:
        answer = capture([str(python), "-I", str(_DESCRIBE)], environ=order.environ, timeout_s=order.left_s())
    except (OSError, ToolTimeout) as error:
        raise order.failed(
            f"the new environment's Python does not start: {error}", builder=builder
        ) from error
    try:
        value = json.loads(answer.stdout)
        prefix, version, packages = Path(value["prefix"]), str(value["version"]), value["packages"]
    except (ValueError, KeyError, TypeError) as error:
        said = answer.stderr.decode(errors="replace").strip()[-2000:]
        raise order.failed(f"the new environment's Python does not work: {said}", builder=builder) from error
    if prefix.resolve() != order.prefix.resolve():
        raise order.failed(
            f"the new environment's Python belongs to {prefix}, not to {order.prefix}", builder=builder
        )
    lines = [f"# python {version}"]
    lines += [_line(name, found, origin, installed_from) for name, found, origin in packages]
    return Inside(prefix=prefix, version=version, lock=Redactor(()).hide_text("\n".join(lines) + "\n"))


def _line(
    name: str, version: str, origin: dict[str, object] | None, installed_from: dict[str, LocalSource]
) -> str:
    if not origin or not isinstance(origin.get("url"), str):
        return f"{name}=={version}"
    url = str(origin["url"])
    vcs, archive = origin.get("vcs_info"), origin.get("archive_info")
    if isinstance(vcs, dict):
        return f"{name} @ {vcs.get('vcs', 'git')}+{url}@{vcs.get('commit_id', '')}"
    if url.startswith("file:"):
        path = unquote(urlsplit(url).path).rstrip("/")
        source = installed_from.get(path)
        if source is None:
            return f"{name}=={version}  # from {path}"
        editable = "-e " if source.editable else ""
        place = re.sub(r"^-e\s+", "", source.requirement)
        return f"{name}=={version}  # from {editable}{place} sha256:{source.digest}"
    digest = str(archive.get("hash", "")) if isinstance(archive, dict) else ""
    return f"{name} @ {url}#{digest}" if digest else f"{name} @ {url}"
