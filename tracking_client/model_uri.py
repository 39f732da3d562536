"""`models:/…`: how registered and logged models are named. Format: MLflow's documentation of model URIs."""

from __future__ import annotations

from dataclasses import dataclass

from tracking_client.errors import InvalidArgument

_SCHEME = "models:/"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelUri:
    """A parsed `models:/` URI. Either `model_id` is set, or `name` and how the version is chosen.

    A version is chosen by its number, `version`, by an `alias`, by a `stage`, or as the `latest` one.
    """

    model_id: str | None = None
    name: str | None = None
    version: str | None = None
    alias: str | None = None
    stage: str | None = None
    latest: bool = False

    @classmethod
    def parse(cls, uri: str) -> ModelUri:
        """The parts of `models:/<id>`, `models:/<name>/<number, stage or latest>`, `models:/<name>@<alias>`.

        Raises InvalidArgument for any other text.
        """
        if not uri.startswith(_SCHEME) or uri.startswith(f"{_SCHEME}/"):
            raise _not_one(uri)
        name, slash, suffix = uri.removeprefix(_SCHEME).partition("/")
        if not slash:
            name, at, alias = name.rpartition("@")
            if not at and alias:
                return cls(model_id=alias)
            if name and alias:
                return cls(name=name, alias=alias)
            raise _not_one(uri)
        if not name or not suffix or "/" in suffix:
            raise _not_one(uri)
        if suffix.isascii() and suffix.isdigit():
            return cls(name=name, version=suffix)
        return cls(name=name, latest=True) if suffix.lower() == "latest" else cls(name=name, stage=suffix)

    def __str__(self) -> str:
        if self.model_id is not None:
            return f"{_SCHEME}{self.model_id}"
        if self.alias is not None:
            return f"{_SCHEME}{self.name}@{self.alias}"
        return f"{_SCHEME}{self.name}/{self.version or self.stage or 'latest'}"


def is_model_uri(uri: str) -> bool:
    """Whether `uri` means to name a model of a registry or a logged model."""
    return uri.startswith(_SCHEME)


def _not_one(uri: str) -> InvalidArgument:
    return InvalidArgument(
        f"Not a proper models:/ URI: {uri[:300]}. It is models:/<model id>, models:/<name>@<alias>, or "
        "models:/<name>/ and a version's number, a stage or 'latest'"
    )


__all__ = ["ModelUri", "is_model_uri"]
