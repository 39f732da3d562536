"""Pictures as files: NumPy arrays and Pillow's images, as MLflow's `log_image` takes and names them."""

from __future__ import annotations

import io
import re
import uuid
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from tracking_client.errors import InvalidArgument

if TYPE_CHECKING:
    import numpy as np
    import PIL.Image

_KEY = re.compile(r"[\w\-. /]+")
_THUMBNAIL_PIXELS = 256


class Image:
    """A picture, made of a NumPy array, of Pillow's image, or of the path of a file. Needs Pillow.

    An array has the shape (height, width), or (height, width, channels) with 1, 3 or 4 channels; booleans,
    integers from 0 to 255, or floats from 0 to 1, which are stretched to that range where they exceed it.
    Raises InvalidArgument.
    """

    def __init__(self, image: Any) -> None:
        self.image = _opened(image) if isinstance(image, (str, PurePosixPath)) else as_pillow(image)

    def to_pil(self) -> PIL.Image.Image:
        """The picture as Pillow's image."""
        return self.image

    def to_array(self) -> np.ndarray[Any, Any]:
        """The picture as an array of 8 bit integers."""
        import numpy as np

        return np.array(self.image)

    def to_list(self) -> list[Any]:
        """The array as lists."""
        values = self.to_array().tolist()
        assert isinstance(values, list)
        return values

    def save(self, path: str) -> None:
        """Writes a file in the format of the suffix."""
        self.image.save(path)

    def resize(self, size: tuple[int, int]) -> Image:
        """The picture with another (width, height)."""
        return Image(self.image.resize(size))


def is_image(value: Any) -> bool:
    """Whether `value` is a picture for sure: ours, MLflow's or Pillow's. Imports nothing."""
    kinds = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(value).__mro__}
    return isinstance(value, Image) or bool(kinds & {"PIL.Image.Image", "mlflow.tracking.multimedia.Image"})


def as_pillow(image: Any) -> PIL.Image.Image:
    """The picture as Pillow's image. Raises InvalidArgument for what is none."""
    if is_image(image):
        return _pillow_of(image)
    if type(image).__module__.partition(".")[0] == "numpy" and hasattr(image, "dtype"):
        return _of_array(image)
    raise InvalidArgument(
        f"Unsupported image object type: {type(image).__qualname__}. It must be a numpy.ndarray, a "
        "PIL.Image.Image or an Image"
    )


def encoded(image: Any, artifact_file: str) -> bytes:
    """The picture in the format of the name's suffix. Raises InvalidArgument."""
    return _bytes_of(as_pillow(image), PurePosixPath(artifact_file).suffix.lower(), artifact_file)


def thumbnail(image: Any) -> bytes:
    """The picture as WebP, no side longer than 256 pixels, for overviews."""
    small = as_pillow(image)
    longest = max(small.size)
    if longest > _THUMBNAIL_PIXELS:
        width, height = (max(int(side * _THUMBNAIL_PIXELS / longest), 1) for side in small.size)
        small = small.resize((width, height))
    return _bytes_of(small, ".webp", "a thumbnail")


def file_stem(key: str, step: int, at_ms: int) -> str:
    """The artifact of a picture of a series, without its suffix. Raises InvalidArgument.

    Format: MLflow's, from which its pages read key, step and time.
    """
    if not _KEY.fullmatch(key):
        raise InvalidArgument(
            f"The key {key!r:.200} of an image may only contain letters, digits, underscores, dashes, "
            "periods, spaces and slashes"
        )
    return f"images/{key.replace('/', '~')}+step+{step}+timestamp+{at_ms}+{uuid.uuid4()}"


def _opened(path: str | PurePosixPath) -> PIL.Image.Image:
    pillow = _pillow()
    with pillow.open(path) as image:
        image.load()
        return image  # type: ignore[no-any-return]  # Pillow may not be there to be typed


def _pillow_of(image: Any) -> PIL.Image.Image:
    return image.to_pil() if hasattr(image, "to_pil") else image  # type: ignore[no-any-return]  # a duck's


def _of_array(array: Any) -> PIL.Image.Image:
    import numpy as np

    if array.ndim not in (2, 3):
        raise InvalidArgument(f"`image` must be a 2D or 3D array but got image shape: {array.shape}")
    if array.ndim == 3 and array.shape[2] not in (1, 3, 4):
        raise InvalidArgument(f"Invalid channel length: {array.shape[2]}. Must be one of [1, 3, 4]")
    if array.size == 0:
        raise InvalidArgument(f"an image of the shape {array.shape} has no pixels")
    if array.dtype.kind == "b":
        pixels = array.astype(np.uint8) * 255
    elif array.dtype.kind in "iu":
        if array.min() < 0 or array.max() > 255:
            raise InvalidArgument(
                "Integer pixel values out of acceptable range [0, 255]. Found minimum value "
                f"{array.min()} and maximum value {array.max()}"
            )
        pixels = array.astype(np.uint8)
    elif array.dtype.kind == "f":
        pixels = _of_floats(np.nan_to_num(array.astype(np.float64), posinf=1.0, neginf=0.0))
    else:
        raise InvalidArgument(
            f"Invalid array data type: {str(array.dtype)!r}. Must be one of ['bool', 'signed integer', "
            "'unsigned integer', 'floating']"
        )
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    return _pillow().fromarray(np.ascontiguousarray(pixels))  # type: ignore[no-any-return]  # as above


def _of_floats(array: Any) -> Any:
    import numpy as np

    low, high = array.min(), array.max()
    if low < 0 or high > 1:
        import warnings

        warnings.warn(
            f"Float pixel values out of acceptable range [0.0, 1.0]. Found minimum value {low} and maximum "
            f"value {high}. Rescaling values to [0.0, 1.0]",
            stacklevel=2,
        )
        array = (array - low) / (high - low) if high > low else np.zeros_like(array)
    return (array * 255).astype(np.uint8)


def _bytes_of(image: PIL.Image.Image, suffix: str, artifact_file: str) -> bytes:
    formats = _pillow().registered_extensions()
    if suffix not in formats:
        raise InvalidArgument(
            f"Invalid artifact file: {artifact_file!r}. Its suffix must be that of an image, such as .png"
        )
    kind = formats[suffix]
    if kind == "JPEG" and image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("RGB")
    data = io.BytesIO()
    try:
        image.save(data, format=kind)
    except (OSError, ValueError, KeyError) as error:
        raise InvalidArgument(
            f"an image of mode {image.mode} cannot be stored as {suffix}: {error}"
        ) from None
    return data.getvalue()


def _pillow() -> Any:
    try:
        import PIL.Image
    except ImportError:
        raise InvalidArgument("storing an image needs Pillow: pip install Pillow") from None
    return PIL.Image


__all__ = ["Image", "as_pillow", "encoded", "file_stem", "is_image", "thumbnail"]
