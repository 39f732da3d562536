"""What a server says about itself, and what it says to requests that it does not know."""

from __future__ import annotations

from tests.replay.record import Speaker


def conversation(server: Speaker) -> None:
    server.get("/health")
    server.get("/version")
    server.get("/api/3.0/mlflow/server-info")
    server.get("/ajax-api/3.0/mlflow/server-info")
    server.get("nothing/here", say="unknown endpoint")
    server.post("nothing/here", {}, say="unknown endpoint")
    server.call("DELETE", "runs/create", {}, say="known endpoint, wrong method")
    server.get("runs/create", say="known endpoint, wrong method")
    server.get("/ajax-api/2.0/mlflow/experiments/get", {"experiment_id": "0"}, say="the other prefix")
    server.get("/api/3.0/mlflow/experiments/get", {"experiment_id": "0"}, say="a prefix it does not have")
