"""Real object stores for the tests, each a process of its own on loopback: S3, Azure and Google Cloud Storage.

S3 is moto's server, Azure is Azurite (npm), Google Cloud Storage is gcp-storage-emulator. Azurite is found as
`azurite-blob` on PATH or in the folder that RUNNER_TEST_AZURITE names.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

START_S = 30.0
AZURE_ACCOUNT = "devstoreaccount1"
# The key that every emulator of Azure's storage has, published in its documentation.
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
BUCKET = "artifacts-of-tests"


@dataclass(frozen=True, kw_only=True)
class StoreService:
    """A running object store with one bucket. `environ` is what a server and clients need to reach it."""

    kind: str
    url: str
    root: str
    environ: dict[str, str] = field(repr=False)
    process: subprocess.Popen[bytes]

    def object_keys(self) -> list[str]:
        """Every object there is, as the store's own client lists them, and not the code under test."""
        if self.kind == "s3":
            with contextlib.closing(self.boto()) as client:
                pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
                return [item["Key"] for page in pages for item in page.get("Contents", ())]
        if self.kind == "azure":
            from azure.storage.blob import BlobServiceClient

            connection = self.environ["AZURE_STORAGE_CONNECTION_STRING"]
            with BlobServiceClient.from_connection_string(connection) as service:
                return [blob.name for blob in service.get_container_client(BUCKET).list_blobs()]
        listed = httpx2.get(f"{self.url}/storage/v1/b/{BUCKET}/o", trust_env=False).json()
        return [item["name"] for item in listed.get("items", ())]

    def unfinished_uploads(self) -> int:
        """How many uploads in parts were begun and neither finished nor aborted; for S3."""
        with contextlib.closing(self.boto()) as client:
            return len(client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", ()))

    def boto(self) -> Any:
        """Amazon's own client."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=self.environ["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.environ["AWS_SECRET_ACCESS_KEY"],
            region_name=self.environ["AWS_DEFAULT_REGION"],
        )


def put_object(service: StoreService, key: str, body: bytes) -> None:
    """Write an object as a client does that writes to the store itself."""
    if service.kind == "azure":
        from azure.storage.blob import BlobClient

        connection = service.environ["AZURE_STORAGE_CONNECTION_STRING"]
        with BlobClient.from_connection_string(connection, BUCKET, key) as blob:
            blob.upload_blob(body, overwrite=True)
        return
    if service.kind == "s3":
        with contextlib.closing(service.boto()) as client:
            client.put_object(Bucket=BUCKET, Key=key, Body=body)
        return
    url = f"{service.url}/upload/storage/v1/b/{BUCKET}/o?uploadType=media&name={quote(key, safe='')}"
    httpx2.post(url, content=body, trust_env=False).raise_for_status()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def service(kind: str, directory: Path) -> Iterator[StoreService]:
    """A store of this kind; skips the test where its program is missing."""
    with {"s3": s3, "azure": azure, "gcs": gcs}[kind](directory) as started:
        yield started


@contextlib.contextmanager
def s3(directory: Path) -> Iterator[StoreService]:
    if find_spec("moto") is None or find_spec("s3fs") is None:
        pytest.skip("needs moto[server] and s3fs: pip install '.[test]'")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        sys.executable,
        "-c",
        "from moto.server import main; main()",
        "-H",
        "127.0.0.1",
        "-p",
        str(port),
    ]
    with _running(command, directory, f"{url}/moto-api/") as process:
        httpx2.put(f"{url}/{BUCKET}", trust_env=False).raise_for_status()
        environ = {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "a secret of the tests",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "MLFLOW_S3_ENDPOINT_URL": url,
        }
        yield StoreService(kind="s3", url=url, root=f"s3://{BUCKET}", environ=environ, process=process)


@contextlib.contextmanager
def azure(directory: Path) -> Iterator[StoreService]:
    folder = os.environ.get("RUNNER_TEST_AZURITE")
    program = shutil.which("azurite-blob", path=folder or os.environ["PATH"])
    if program is None or find_spec("adlfs") is None:
        pytest.skip("needs azurite-blob on PATH (npm install azurite), and adlfs: pip install '.[test]'")
    port = free_port()
    command = [program, "--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(directory)]
    command += ["--silent", "--skipApiVersionCheck", "--disableTelemetry"]
    url = f"http://127.0.0.1:{port}/{AZURE_ACCOUNT}"
    connection = f"DefaultEndpointsProtocol=http;AccountName={AZURE_ACCOUNT};AccountKey={AZURE_KEY};BlobEndpoint={url};"
    with _running(command, directory, url) as process:
        from azure.storage.blob import BlobServiceClient

        with BlobServiceClient.from_connection_string(connection) as client:
            client.create_container(BUCKET)
        yield StoreService(
            kind="azure",
            url=url,
            root=f"wasbs://{BUCKET}@{AZURE_ACCOUNT}.blob.core.windows.net",
            environ={"AZURE_STORAGE_CONNECTION_STRING": connection},
            process=process,
        )


@contextlib.contextmanager
def gcs(directory: Path) -> Iterator[StoreService]:
    if find_spec("gcp_storage_emulator") is None or find_spec("gcsfs") is None:
        pytest.skip("needs gcp-storage-emulator and gcsfs: pip install '.[test]'")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        sys.executable,
        "-m",
        "gcp_storage_emulator",
        "start",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    command += ["--quiet", "--in-memory", "--default-bucket", BUCKET]
    with _running(command, directory, f"{url}/") as process:
        environ = {"STORAGE_EMULATOR_HOST": url}
        yield StoreService(kind="gcs", url=url, root=f"gs://{BUCKET}", environ=environ, process=process)


@contextlib.contextmanager
def _running(command: Sequence[str], directory: Path, url: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that answers at `url`, until the end of the block."""
    directory.mkdir(parents=True, exist_ok=True)
    log = directory / "service.log"
    # Not a test's home: the service outlives the test that asks for it first.
    environ = {**os.environ, "HOME": str(directory)}
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=directory, stdout=output, stderr=output, env=environ)
    try:
        _await(lambda: _answers(url), process, log)
        yield process
    finally:
        process.kill()
        process.wait(10)


def _answers(url: str) -> bool:
    try:
        httpx2.get(url, timeout=2, trust_env=False)
    except httpx2.HTTPError:
        return False
    return True


def _await(condition: Callable[[], Any], process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_S
    while not condition():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until, f"no answer within {START_S} s: {log.read_text()}"
        time.sleep(0.02)
