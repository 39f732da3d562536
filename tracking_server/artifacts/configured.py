"""Where a server is told to keep artifacts, by which options, checked."""

from __future__ import annotations

import os
from pathlib import Path

from tracking_server.artifacts import locations
from tracking_server.artifacts.locations import Location
from tracking_server.errors import StartRefused
from tracking_server.settings import Settings


def destination(settings: Settings) -> Location:
    """Where the server writes. Raises StartRefused where it could not, or must not."""
    given = f"--artifacts-destination {settings.artifacts_destination}"
    try:
        location = locations.parse(settings.artifacts_destination)
    except ValueError as error:  # it may hold a password, and is not repeated
        raise StartRefused(f"--artifacts-destination is malformed: {error}") from None
    if location is None:
        raise StartRefused(
            f"{given}: there is no store for this scheme. Give a directory, s3://, gs://, wasbs:// or "
            "abfss://, or let clients write to the store themselves with --default-artifact-root."
        )
    problem = location.missing or locations.misconfigured(location) or _not_for_others(location, settings)
    if problem is not None:
        raise StartRefused(f"{given}: {problem}")
    return location


def root(uri: str, settings: Settings) -> Location | None:
    """Where clients write; None where this server could not look. Raises StartRefused."""
    try:
        location = locations.parse(uri)
    except ValueError as error:
        raise StartRefused(f"--default-artifact-root is malformed: {error}") from None
    problem = None
    if location is not None:
        problem = locations.misconfigured(location) or _not_for_others(location, settings)
    if problem is not None:
        raise StartRefused(f"--default-artifact-root {uri}: {problem}")
    return location


def _not_for_others(location: Location, settings: Settings) -> str | None:
    """What of the server's own is in a directory that clients read and write, or None."""
    if location.kind != "local":
        return None
    directory = Path(location.root).resolve()
    log = None if settings.access_log in (None, "-") else Path(str(settings.access_log))
    for what, file in (
        ("the database", settings.sqlite_path),
        ("the discovery file", settings.discovery_file),
        ("the access log", log),
    ):
        if file is not None and file.resolve().is_relative_to(directory):
            return f"{what} {file} lies in it, where clients could read it. Give a directory of its own."
    return None


def make_directory(directory: Path) -> None:
    """Make the directory where the server writes. Raises StartRefused where nothing can be written there."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartRefused(f"--artifacts-destination {directory} cannot be made: {error.strerror}") from error
    if not os.access(directory, os.W_OK):
        raise StartRefused(
            f"--artifacts-destination {directory} cannot be written to. Give this user the right to write "
            "there, or another directory."
        )
