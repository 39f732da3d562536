"""What a file is, by its name: how it is shown, and as what type it may be sent to be shown.

A browser is never told a type that the file or its client chose: only the types here, each of which is
harmless as it is sent (`raw.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# fmt: off
How = Literal[
    "image", "audio", "video", "pdf", "html", "markdown", "delimited", "json", "yaml", "mlmodel", "text",
    "unknown", "binary",
]
# fmt: on
"""How a file is shown. `unknown` is text where it reads as such; `binary` is not even looked into."""

TEXT_TYPE = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Kind:
    """How a file is shown, what people call such files, and the type it is sent as to be shown.

    Without a type it is sent as a download only.
    """

    how: How
    words: str
    media_type: str | None = None


_UNKNOWN = Kind("unknown", "File", TEXT_TYPE)
_MLMODEL = Kind("mlmodel", "Model", TEXT_TYPE)


def _all(how: How, **kinds: str) -> dict[str, Kind]:
    """Kinds by suffix; each value is "words|type", or the words alone where they are text or binary."""
    plain = None if how == "binary" else TEXT_TYPE
    return {
        suffix: Kind(how, words, media_type or plain)
        for suffix, given in kinds.items()
        for words, _, media_type in [given.partition("|")]
    }


_BY_SUFFIX: dict[str, Kind] = {
    **_all("image", png="PNG image|image/png", jpg="JPEG image|image/jpeg", jpeg="JPEG image|image/jpeg"),
    **_all("image", gif="GIF image|image/gif", webp="WebP image|image/webp", bmp="Bitmap image|image/bmp"),
    **_all("image", svg="SVG image|image/svg+xml", avif="AVIF image|image/avif", ico="Icon|image/x-icon"),
    **_all("audio", wav="WAV audio|audio/wav", mp3="MP3 audio|audio/mpeg", flac="FLAC audio|audio/flac"),
    **_all("audio", ogg="Ogg audio|audio/ogg", oga="Ogg audio|audio/ogg", opus="Opus audio|audio/ogg"),
    **_all("audio", m4a="AAC audio|audio/mp4", aac="AAC audio|audio/aac", weba="WebM audio|audio/webm"),
    **_all("video", mp4="MP4 video|video/mp4", m4v="MP4 video|video/mp4", webm="WebM video|video/webm"),
    **_all("video", ogv="Ogg video|video/ogg", mov="QuickTime video|video/quicktime"),
    **_all("pdf", pdf="PDF document|application/pdf"),
    **_all("html", html="HTML page|text/html; charset=utf-8", htm="HTML page|text/html; charset=utf-8"),
    **_all("markdown", md="Markdown text", markdown="Markdown text"),
    **_all("delimited", csv="CSV table", tsv="TSV table"),
    **_all("json", json="JSON", geojson="GeoJSON", ipynb="Jupyter notebook", webmanifest="JSON"),
    **_all("yaml", yaml="YAML", yml="YAML"),
    **_all("text", txt="Text", log="Log", out="Text", err="Text", rst="Text", tex="LaTeX source"),
    **_all("text", py="Python source", pyi="Python source", r="R source", jl="Julia source", sh="Script"),
    **_all("text", js="JavaScript source", ts="TypeScript source", css="Style sheet", sql="SQL", xml="XML"),
    **_all("text", c="C source", h="C source", cpp="C++ source", cu="CUDA source", java="Java source"),
    **_all("text", go="Go source", rs="Rust source", scala="Scala source", toml="TOML", ini="Settings"),
    **_all("text", cfg="Settings", conf="Settings", properties="Settings", env="Settings", lock="Lock file"),
    **_all("text", diff="Diff", patch="Diff", jsonl="JSON lines", ndjson="JSON lines", dot="Graph"),
    **_all("text", xhtml="XHTML source", svgz="Packed SVG image"),
    **_all("binary", npy="NumPy array", npz="NumPy arrays", parquet="Parquet table", feather="Arrow table"),
    **_all("binary", arrow="Arrow table", pkl="Python pickle", pickle="Python pickle", joblib="Pickle"),
    **_all("binary", pt="PyTorch file", pth="PyTorch file", ckpt="Checkpoint", safetensors="Tensors"),
    **_all("binary", onnx="ONNX model", h5="HDF5 file", hdf5="HDF5 file", keras="Keras model"),
    **_all("binary", tflite="TensorFlow Lite model", pb="Protocol buffers", skops="skops model"),
    **_all("binary", zip="ZIP archive", gz="Gzip archive", tgz="Packed tar archive", tar="Tar archive"),
    **_all("binary", bz2="Bzip2 archive", xz="XZ archive", zst="Zstandard archive", whl="Python wheel"),
    **_all("binary", so="Library", bin="Binary file", db="Database", sqlite="SQLite database"),
    **_all("binary", xls="Excel workbook", xlsx="Excel workbook", docx="Word document", pptx="Slides"),
    **_all(
        "binary",
        tif="TIFF image",
        tiff="TIFF image",
        heic="HEIC image",
        avi="AVI video",
        mkv="MKV video",
    ),
}


def of(name: str) -> Kind:
    """What a file of this name is."""
    base = name.rpartition("/")[2]
    if base == "MLmodel":
        return _MLMODEL
    _, dot, suffix = base.rpartition(".")
    return _BY_SUFFIX.get(suffix.lower(), _UNKNOWN) if dot else _UNKNOWN
