"""Models that a module loads: one of the user's own, or of a framework that is known to MLflow only."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from tracking_client.errors import InvalidArgument
from tracking_client.flavours.local_copy import LocalModel
from tracking_client.flavours.saving import Content
from tracking_client.models.code_paths import code_files, inside
from tracking_client.models.mlmodel_file import PYTHON_FUNCTION
from tracking_client.models.trust import require_trust

_DATA = "data"


def write_loaded_by(
    loader_module: str,
    data_path: str | PathLike[str] | None,
    model_config: Mapping[str, Any] | None,
    *,
    streamable: bool | None = None,
) -> Callable[[Path], Content]:
    """Writes a copy of the file or directory `data_path`, of which `loader_module` will make a model.

    Raises InvalidArgument.
    """
    if not all(part.isidentifier() for part in loader_module.split(".")):
        raise InvalidArgument(f"`loader_module` is the name of a module, not {loader_module!r:.100}")
    source = None if data_path is None else Path(data_path)
    if source is not None and not source.exists():
        raise InvalidArgument(f"`data_path`: there is no file or directory at '{source}'")

    def write(directory: Path) -> Content:
        flavor: dict[str, Any] = {"loader_module": loader_module, "streamable": bool(streamable)}
        if source is not None:
            flavor["data"] = _copied(source, directory)
        if model_config:
            flavor["config"] = dict(model_config)
        module = loader_module.partition(".")[0]
        copied = directory / _DATA
        return Content(
            flavors={PYTHON_FUNCTION: flavor},
            distributions=[],
            modules={module},
            needs={module},
            executable=[path for path in copied.rglob("*") if path.is_file()],
        )

    return write


def _copied(source: Path, directory: Path) -> str:
    target = directory / _DATA / source.resolve().name
    target.parent.mkdir()
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copyfile(source, target)
    return f"{_DATA}/{target.name}"


def loaded_by(loader: str, local: LocalModel, model_config: Mapping[str, Any] | None) -> Any:
    """What the module makes of the model. Raises Unauthorized where it is not trusted, InvalidArgument."""
    flavor = local.model.flavor(PYTHON_FUNCTION)
    place = local.directory if flavor.get("data") is None else inside(local.directory, flavor["data"])
    files = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
    require_trust(
        local.origin,
        f"is loaded by the module {loader}",
        [*files, *code_files(local.directory, flavor.get("code"))],
    )
    config = {**(flavor.get("config") or {}), **(model_config or {})}
    try:
        load = importlib.import_module(loader)._load_pyfunc
    except (ImportError, AttributeError) as error:
        raise InvalidArgument(
            f"The model is loaded by the module {loader}, which is not there: {error}"
        ) from error
    return load(str(place), config) if config else load(str(place))


__all__ = ["loaded_by", "write_loaded_by"]
