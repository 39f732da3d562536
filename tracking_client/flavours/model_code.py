"""The code that travels with a model becomes importable, where the user trusts the model."""

from __future__ import annotations

from tracking_client.flavours.local_copy import LocalModel
from tracking_client.models.code_paths import code_files, inside, make_importable
from tracking_client.models.trust import require_trust


def allow_code(local: LocalModel, code: object) -> None:
    """Makes the model's directory `code` importable; None is none. Raises Unauthorized, InvalidArgument."""
    if code is None:
        return
    directory = inside(local.directory, code)
    files = code_files(local.directory, str(code))
    require_trust(local.origin, "brings code of its own", files)
    make_importable(directory)


__all__ = ["allow_code"]
