"""Files of every kind that the viewer of artifacts shows, small and real."""

from __future__ import annotations

import base64
import io
import math
import struct
import subprocess
import sys
import wave
import zlib
from pathlib import Path

from playwright.sync_api import Page

SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="120" height="60">'
    b'<rect width="120" height="60" fill="#2f5bd0"/><circle cx="30" cy="30" r="20" fill="#ffffff"/></svg>'
)


def picture(kind: str, width: int = 64, height: int = 48) -> bytes:
    """A picture of this size in a format that Pillow names so: PNG, JPEG, GIF, WEBP, BMP."""
    from PIL import Image

    image = Image.new("RGB", (width, height))
    image.putdata([(x * 255 // width, y * 255 // height, 128) for y in range(height) for x in range(width)])
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def sound(seconds: float = 1.0, rate: int = 8000) -> bytes:
    """A WAV file of one tone."""
    frames = [round(8000 * math.sin(2 * math.pi * 440 * at / rate)) for at in range(round(seconds * rate))]
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(struct.pack(f"<{len(frames)}h", *frames))
    return buffer.getvalue()


def pdf(words: str) -> bytes:
    """A PDF document of one page."""
    drawn = f"BT /F1 24 Tf 20 100 Td ({words}) Tj ET".encode("ascii")
    packed = zlib.compress(drawn)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(packed), packed),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    document = b"%PDF-1.4\n"
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(document))
        document += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return (
        document
        + b"xref\n0 6\n0000000000 65535 f \n%strailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (
            table,
            len(document),
        )
    )


def film(page: Page) -> bytes:
    """A WebM video of half a second, recorded by the browser itself."""
    recorded = page.evaluate(
        """async () => {
          const canvas = document.createElement("canvas");
          canvas.width = 64;
          canvas.height = 48;
          const brush = canvas.getContext("2d");
          const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType: "video/webm" });
          const chunks = [];
          recorder.ondataavailable = (event) => chunks.push(event.data);
          const stopped = new Promise((done) => (recorder.onstop = done));
          recorder.start();
          for (let at = 0; at < 12; at++) {
            brush.fillStyle = `hsl(${at * 30} 80% 50%)`;
            brush.fillRect(0, 0, 64, 48);
            await new Promise((done) => setTimeout(done, 40));
          }
          recorder.stop();
          await stopped;
          const bytes = new Uint8Array(await new Blob(chunks).arrayBuffer());
          let text = "";
          for (const byte of bytes) text += String.fromCharCode(byte);
          return btoa(text);
        }"""
    )
    return base64.b64decode(recorded)


_SAVES_A_MODEL = """
import sys
import pandas as pd
from sklearn.linear_model import LogisticRegression
import tracking_client.sklearn
from tracking_client.models import infer_signature

data = pd.DataFrame({"alcohol": [9.5, 12.8, 10.1, 13.0], "sulphates": [0.4, 0.7, 0.5, 0.9]})
fitted = LogisticRegression().fit(data, [0, 1, 0, 1])
signature = infer_signature(data, fitted.predict(data), params={"threshold": 0.5})
tracking_client.sklearn.save_model(fitted, sys.argv[1], signature=signature, input_example=data.head(2))
"""


def model(folder: Path) -> dict[str, bytes]:
    """The files of a scikit-learn model with a signature and an input example, by their names."""
    # In a process of its own: scikit-learn changes the environment of whoever loads it.
    subprocess.run([sys.executable, "-c", _SAVES_A_MODEL, str(folder)], check=True, timeout=60)
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
