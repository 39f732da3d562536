"""Images that runs logged step by step, as `log_image(image, key=…, step=…)` names their files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from tracking_server.errors import ServerError
from tracking_server.services import Services
from tracking_server.store.records import RunInfo

FOLDER = "images"
MOST_RUNS = 20
"""How many runs are looked through; each is a folder to list."""

MOST_FILES = 5_000

# MLflow wrote '%' before it wrote '+', and both write '~' for a slash of the key.
_NAME = re.compile(
    r"(?P<key>.+?)(?P<mark>[+%])step(?P=mark)(?P<step>-?\d+)(?P=mark)timestamp(?P=mark)\d+(?P=mark)[^+%]+"
    r"\.(?P<suffix>png|jpe?g|gif|webp)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An image of a run: the step it was logged at, and where a browser finds it."""

    run: RunInfo
    step: int
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """The images of one key. `steps` are all that any of the runs has; `problem`: why some cannot be had."""

    steps: Sequence[int]
    shown: Sequence[Shown]
    problem: str


def at(services: Services, runs: Sequence[RunInfo], key: str, step: int | None) -> Images:
    """Of each run the last image up to a step, the last of all for None. It asks the artifact store."""
    steps: set[int] = set()
    shown: list[Shown] = []
    problem = ""
    for run in runs[:MOST_RUNS]:
        try:
            found = dict(_images(services, run, key))
        except (ServerError, OSError) as error:
            problem = str(error)
            continue
        steps.update(found)
        wanted = [each for each in found if step is None or each <= step]
        if wanted:
            query = urlencode({"run_id": run.run_id, "path": found[max(wanted)]})
            shown.append(Shown(run=run, step=max(wanted), url=f"/get-artifact?{query}"))
    return Images(steps=sorted(steps), shown=shown, problem=problem)


def keys(services: Services, run: RunInfo) -> list[str]:
    """What images a run has. Raises ServerError, OSError."""
    return sorted({key for key, _, _ in _files(services, run)})


def _images(services: Services, run: RunInfo, key: str) -> Iterator[tuple[int, str]]:
    return ((step, path) for found, step, path in _files(services, run) if found == key)


def _files(services: Services, run: RunInfo) -> Iterator[tuple[str, int, str]]:
    """Key, step and path of each image; thumbnails, which are smaller, where there are any."""
    place = services.places.of(run.artifact_uri)
    start = len(place.prefix) + 1 if place.prefix else 0
    best: dict[tuple[str, int], str] = {}
    for number, info in enumerate(place.store.entries(place.path(FOLDER))):
        if number >= MOST_FILES:
            break
        path = info.path[start:]
        match = _NAME.fullmatch(path.removeprefix(f"{FOLDER}/"))
        if match is None:
            continue
        image = match["key"].replace("~", "/"), int(match["step"])
        if match["suffix"] == "webp" or image not in best:
            best[image] = path
    for (key, step), path in best.items():
        yield key, step, path
