"""A program that moves artifacts with MLflow's own client, and prints what happened on the wire.

Run by `test_artifacts_presigned.py`: `python mlflow_transfers.py URL`, with MLflow's settings in the environment.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import mlflow
import requests

LARGE_BYTES = 11_000_000


def main(url: str) -> None:
    mlflow.set_tracking_uri(url)
    mlflow.set_experiment("transfers")
    puts: list[str] = []
    send = requests.Session.send

    def noting(session: requests.Session, request: requests.PreparedRequest, **kwargs: Any) -> Any:
        size = int(request.headers.get("Content-Length", 0))
        if request.method == "PUT" and size > 400_000:
            puts.append(str(request.url))
        return send(session, request, **kwargs)

    requests.Session.send = noting  # type: ignore[method-assign,assignment]
    folder = Path(tempfile.mkdtemp())
    large = folder / "large.bin"
    large.write_bytes(os.urandom(LARGE_BYTES))
    (folder / "tree" / "deep").mkdir(parents=True)
    (folder / "tree" / "deep" / "x.txt").write_text("deep")
    with mlflow.start_run() as run:
        mlflow.log_artifact(str(large))
        mlflow.log_text("small", "small.txt")
        mlflow.log_artifacts(str(folder / "tree"), "dir")
    client = mlflow.MlflowClient()
    run_id = run.info.run_id
    fetched = Path(client.download_artifacts(run_id, "large.bin", tempfile.mkdtemp()))
    tree = Path(client.download_artifacts(run_id, "dir", tempfile.mkdtemp()))
    same = fetched.read_bytes() == large.read_bytes() and (tree / "deep" / "x.txt").read_text() == "deep"
    told = {
        "run_id": run_id,
        "uri": run.info.artifact_uri,
        "same": same,
        "puts": len(puts),
        "to_server": sum(put.startswith(url) for put in puts),
        "listed": sorted(entry.path for entry in client.list_artifacts(run_id)),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1])
