"""Artifacts: the list of a run's, the proxy, downloads, uploads."""

from __future__ import annotations

from tests.replay.record import Speaker

PROXY = "/api/2.0/mlflow-artifacts/artifacts"


def conversation(server: Speaker) -> None:
    run = server.post("runs/create", {"experiment_id": "0", "start_time": 1, "run_name": "files"})["run"][
        "info"
    ]["run_id"]
    root = f"0/{run}/artifacts"
    server.get("artifacts/list", {"run_id": run}, say="nothing yet")
    _put(server, f"{root}/a.txt", "hello")
    _put(server, f"{root}/deep/er/b.json", '{"a": 1}')
    _put(server, f"{root}/deep/page.html", "<b>x</b>")
    _put(server, f"{root}/with%20space.bin", "x")
    _put(server, f"{root}/void/empty.bin", "")
    _put(server, f"{root}/%C3%BCn%C3%AF.csv", "a,b")
    _put(server, f"{root}/a.txt", "hello again")
    _listing(server, run)
    _proxy(server, root)
    _downloads(server, run)
    _uploads(server, run)
    _unproxied(server)
    _deleting(server, root)
    _multipart(server, root)


def _put(server: Speaker, path: str, content: str, say: str = "") -> None:
    server.raw("PUT", f"{PROXY}/{path}", content, {}, say=say)


def _listing(server: Speaker, run: str) -> None:
    server.get("artifacts/list", {"run_id": run})
    server.get("artifacts/list", {"run_uuid": run}, say="by run_uuid")
    server.get("artifacts/list", {"run_id": run, "path": "deep"})
    server.get("artifacts/list", {"run_id": run, "path": "deep/"})
    server.get("artifacts/list", {"run_id": run, "path": "deep/er"})
    server.get("artifacts/list", {"run_id": run, "path": ""})
    server.get("artifacts/list", {"run_id": run, "path": "void"}, say="an empty file")
    server.get("artifacts/list", {"run_id": run, "path": "a.txt"}, say="a file")
    server.get("artifacts/list", {"run_id": run, "path": "nothing"}, say="not there")
    for path in ("..", "../..", "deep/../..", "/etc", "%2e%2e", "deep/../a.txt", "C:\\x", "."):
        server.get("artifacts/list", {"run_id": run, "path": path}, say="outside")
    server.get("artifacts/list", {"run_id": "nope"})
    server.get("artifacts/list", {}, say="no run")


def _proxy(server: Speaker, root: str) -> None:
    server.get(f"{PROXY}/{root}/a.txt")
    server.get(f"{PROXY}/{root}/deep/page.html")
    server.get(f"{PROXY}/{root}/deep/er/b.json")
    server.get(f"{PROXY}/{root}/with%20space.bin")
    server.get(f"{PROXY}/{root}/%C3%BCn%C3%AF.csv")
    server.get(f"/ajax-api/2.0/mlflow-artifacts/artifacts/{root}/a.txt", say="the other prefix")
    server.get(f"{PROXY}/{root}/nothing.txt", say="not there")
    server.get(f"{PROXY}/{root}/deep", say="a directory")
    server.get(f"{PROXY}/{root}/%2e%2e/%2e%2e/a.txt", say="outside")
    server.get(PROXY, {"path": root})
    server.get(PROXY, {"path": f"{root}/deep"})
    server.get(PROXY, {"path": "0"})
    server.get(PROXY, {}, say="the top")
    server.get(PROXY, {"path": f"{root}/a.txt"}, say="a file")
    server.get(PROXY, {"path": f"{root}/nothing"}, say="not there")
    server.get(PROXY, {"path": "../x"}, say="outside")
    server.get(PROXY, {"path": "/etc"}, say="outside")


def _downloads(server: Speaker, run: str) -> None:
    server.get("/get-artifact", {"run_id": run, "path": "a.txt"})
    server.get("/get-artifact", {"run_uuid": run, "path": "a.txt"}, say="by run_uuid")
    server.get("/get-artifact", {"run_id": run, "path": "deep/page.html"})
    server.get("/get-artifact", {"run_id": run, "path": "deep/er/b.json"})
    server.get("/get-artifact", {"run_id": run, "path": "nothing"}, say="not there")
    server.get("/get-artifact", {"run_id": run, "path": "../a.txt"}, say="outside")
    server.get("/get-artifact", {"run_id": run}, say="no path")
    server.get("/get-artifact", {"path": "a.txt"}, say="no run")
    server.get("/get-artifact", {"run_id": "nope", "path": "a.txt"}, say="no such run")


def _uploads(server: Speaker, run: str) -> None:
    upload = "/ajax-api/2.0/mlflow/upload-artifact"
    kind = {"Content-Type": "text/plain"}
    server.raw("POST", f"{upload}?run_uuid={run}&path=up/loaded.txt", "uploaded", kind)
    server.get("artifacts/list", {"run_id": run, "path": "up"})
    server.raw("POST", f"{upload}?run_uuid={run}", "x", kind, say="no path")
    server.raw("POST", f"{upload}?path=a.txt", "x", kind, say="no run")
    server.raw("POST", f"{upload}?run_uuid=nope&path=a.txt", "x", kind, say="no such run")
    server.raw("POST", f"{upload}?run_uuid={run}&path=../a.txt", "x", kind, say="outside")
    server.raw("POST", f"{upload}?run_uuid={run}&path=void/nothing.txt", "", kind, say="nothing")


def _unproxied(server: Speaker) -> None:
    server.post(
        "experiments/create", {"name": "elsewhere", "artifact_location": "ftp://user@host/x"}, say="ftp"
    )


def _deleting(server: Speaker, root: str) -> None:
    server.raw("DELETE", f"{PROXY}/{root}/a.txt", "", {})
    server.get(f"{PROXY}/{root}/a.txt", say="deleted")
    server.raw("DELETE", f"{PROXY}/{root}/a.txt", "", {}, say="twice")
    server.raw("DELETE", f"{PROXY}/{root}/deep", "", {}, say="a directory")
    server.get(PROXY, {"path": root})
    server.raw("DELETE", f"{PROXY}/%2e%2e/x", "", {}, say="outside")


def _multipart(server: Speaker, root: str) -> None:
    mpu = "/api/2.0/mlflow-artifacts/mpu"
    server.post(f"{mpu}/create/{root}", {"path": "big.bin", "num_parts": 2}, say="not with local files")
    server.post(
        f"{mpu}/complete/{root}",
        {"path": "big.bin", "upload_id": "1", "parts": []},
        say="not with local files",
    )
    server.post(f"{mpu}/abort/{root}", {"path": "big.bin", "upload_id": "1"}, say="not with local files")
    server.get(f"/api/2.0/mlflow-artifacts/presigned/{root}/deep/page.html", say="not with local files")
    run = root.split("/")[1]
    server.post("artifacts/presigned-upload-url", {"run_id": run, "path": "x"}, say="not with local files")
    server.post("artifacts/presigned-download-url", {"run_id": run, "path": "x"}, say="not with local files")
