"""The client's calls about pictures of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from tracking_client import checks
from tracking_client.errors import InvalidArgument
from tracking_client.run_artifacts import ArtifactCalls
from tracking_client.wire import names


class FigureCalls(ArtifactCalls):
    """Pictures of the runs of one tracking server. Every method raises as those of `ArtifactCalls`."""

    def log_figure(
        self, run_id: str, figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None
    ) -> None:
        """Stores a Matplotlib figure in the format of the name's suffix, or a Plotly figure.

        A Plotly figure becomes .html, or .png, .jpeg, .webp, .svg, .pdf where kaleido is installed.
        `save_kwargs` are for what writes it. Raises InvalidArgument for anything else.
        """
        import io

        kind = PurePosixPath(artifact_file).suffix.lstrip(".").lower() or "png"
        further = dict(save_kwargs or {})
        if hasattr(figure, "savefig"):
            image = io.BytesIO()
            figure.savefig(image, **{"format": kind, **further})
            self.log_bytes(run_id, image.getvalue(), artifact_file)
        elif hasattr(figure, "to_html") and kind == "html":
            self.log_text(run_id, figure.to_html(**{"include_plotlyjs": "cdn", **further}), artifact_file)
        elif hasattr(figure, "to_image") and kind in _PLOTLY_IMAGES:
            self.log_bytes(run_id, figure.to_image(**{"format": kind, **further}), artifact_file)
        else:
            raise InvalidArgument(f"a {type(figure).__name__} cannot be stored as {artifact_file}")

    def log_image(
        self,
        run_id: str,
        image: Any,
        artifact_file: str | None = None,
        key: str | None = None,
        step: int | None = None,
        timestamp: int | None = None,
        synchronous: bool | None = None,
    ) -> None:
        """Stores a picture: as `artifact_file`, or as one of the series `key`, at `step` (0) and `timestamp`.

        `image` is a NumPy array or a picture as `Image` takes them, or an `Image`; `timestamp` is in ms since
        the epoch (now). One of a series is stored whole as PNG and small as WebP. It is stored when this
        returns, whatever `synchronous` says. Raises InvalidArgument.
        """
        from tracking_client import images

        del synchronous
        if (artifact_file is None) == (key is None):
            raise InvalidArgument(
                "log_image needs either artifact_file, for a picture, or key, for one of a series of pictures"
            )
        if artifact_file is not None:
            if step is not None or timestamp is not None:
                raise InvalidArgument("step and timestamp go with key, and not with artifact_file")
            self.log_bytes(run_id, images.encoded(image, artifact_file), artifact_file)
            return
        assert key is not None
        at_ms, at_step = checks.moment(key, checks.now_ms() if timestamp is None else timestamp, step or 0)
        stem = images.file_stem(key, at_step, at_ms)
        self.log_bytes(run_id, images.encoded(image, "image.png"), f"{stem}.png")
        self.log_bytes(run_id, images.thumbnail(image), f"{stem}+compressed.webp")
        self.set_tag(run_id, names.LOGGED_IMAGES, True)


_PLOTLY_IMAGES = frozenset({"png", "jpg", "jpeg", "webp", "svg", "pdf"})

__all__ = ["FigureCalls"]
