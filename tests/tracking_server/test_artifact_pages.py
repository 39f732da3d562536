"""The pages of artifacts, and how files are sent to be shown: what a browser may make of them."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

EVIL = "<script>alert('x')</script>"


@pytest.fixture
def run(api: Any) -> str:
    return str(api.run(run_name="the run"))


@pytest.fixture
def put(api: Any, run: str) -> Callable[[str, bytes], None]:
    """Stores a file among the artifacts of the run."""

    def store(path: str, content: bytes) -> None:
        root = f"/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts"
        assert api.http.put(f"{root}/{path}", content=content).status_code == 200

    return store


@pytest.fixture
def look(api: Any, run: str) -> Callable[..., str]:
    """The page of artifacts with a query."""

    def page(status: int = 200, **query: str) -> str:
        reply = api.http.get(f"/runs/{run}/artifacts", params=query)
        assert reply.status_code == status, reply.text
        assert "unsafe" not in reply.headers["content-security-policy"]
        return str(reply.text)

    return page


@pytest.fixture
def raw(api: Any, run: str) -> Callable[..., Any]:
    """A file as it is sent to be shown."""
    return lambda path, **headers: api.http.get(
        f"/runs/{run}/artifacts/raw",
        params={"path": path},
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


def test_a_run_without_files_teaches_how_to_log_one(look: Callable[..., str]) -> None:
    assert "log_artifact(" in look()


def test_what_is_chosen_is_opened_in_the_tree_and_nothing_else(
    look: Callable[..., str], put: Callable[[str, bytes], None]
) -> None:
    for path in ("a/b/c.txt", "a/other/hidden.txt", "z/unseen.txt"):
        put(path, b"text")

    html = look(path="a/b/c.txt")

    for shown in ("c.txt", "other", "path=a%2Fb%2Fc.txt"):
        assert shown in html
    assert "hidden.txt" not in html
    assert "unseen.txt" not in html
    assert len(re.findall('aria-expanded="true"', html)) == 2


def test_a_path_that_is_not_there_says_so_beside_the_tree(
    look: Callable[..., str], put: Callable[[str, bytes], None]
) -> None:
    put("here.txt", b"x")
    html = look(status=404, path="nope.txt")
    assert "There is no file or directory <code>nope.txt</code>" in html
    assert "here.txt" in html


@pytest.mark.parametrize(
    "path",
    [
        "../x",
        "a/../../x",
        "%2e%2e/x",
        "%252e%252e%252fx",
        "/etc/passwd",
        "..\\x",
        "file:/etc/passwd",
        "a\0b",
        "a#b",
        "x" * 5000,
    ],
)
@pytest.mark.parametrize("page", ["artifacts", "artifacts/raw"])
def test_no_path_leads_out_of_the_artifacts(api: Any, run: str, page: str, path: str) -> None:
    reply = api.http.get(f"/runs/{run}/{page}", params={"path": path})
    assert reply.status_code == 400
    assert "root:" not in reply.text


def test_links_out_of_the_artifacts_are_not_followed(
    api: Any,
    run: str,
    put: Callable[[str, bytes], None],
    look: Callable[..., str],
    raw: Callable[..., Any],
    settings: Any,
) -> None:
    put("a.txt", b"x")
    folder = Path(settings.artifacts_destination) / "0" / run / "artifacts"
    (folder / "out.txt").symlink_to("/etc/passwd")
    (folder / "up").symlink_to("/")

    assert "out.txt" not in look()
    assert raw("out.txt").status_code == 400
    assert raw("up/etc/passwd").status_code == 400


def test_names_and_contents_are_escaped_everywhere(
    look: Callable[..., str], put: Callable[[str, bytes], None]
) -> None:
    name = "<img src=x onerror=alert(1)>"
    evil = EVIL.encode()
    put(f"d/{name}.txt", evil)
    put("d/a.csv", b"%b,1\n%b,2" % (evil, evil))
    put("d/a.json", b'{"%b": "%b"}' % (evil, evil))
    put("d/a.yaml", b'"%b": "%b"' % (evil, evil))
    put("d/t.json", b'{"columns": ["%b"], "data": [["%b"]]}' % (evil, evil))
    put("d/a.md", evil)
    put("d/a.html", evil)
    put("d/a.svg", evil)
    put("d/MLmodel", b'flavors: {"%b": {"%b": "%b"}}\nsignature: {inputs: "%b"}' % (evil, evil, evil, evil))
    for path in (
        "d",
        f"d/{name}.txt",
        "d/a.csv",
        "d/a.json",
        "d/a.yaml",
        "d/t.json",
        "d/a.md",
        "d/a.html",
        "d/a.svg",
        "d/MLmodel",
    ):
        for source in ("", "1"):
            html = look(path=path, source=source)
            assert "<script>alert" not in html, path
            assert "<img src=x" not in html, path
    assert "<script>alert" not in look(find=EVIL)
    assert "<script>alert" not in look(status=404, path=EVIL.replace("/", "_"))


def test_html_has_an_origin_that_is_nobodys_and_no_way_to_any_server(
    put: Callable[[str, bytes], None], raw: Callable[..., Any]
) -> None:
    put("report.html", EVIL.encode())

    shown = raw("report.html", sec_fetch_dest="iframe")
    policy = shown.headers["content-security-policy"]

    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    assert shown.headers["content-disposition"].startswith("inline")
    assert "sandbox allow-scripts" in policy
    assert "allow-same-origin" not in policy
    assert policy.startswith(
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )
    assert "'self'" not in policy.replace("frame-ancestors 'self'", "")
    assert "http" not in policy


def test_html_alone_in_a_tab_is_a_download(
    put: Callable[[str, bytes], None], raw: Callable[..., Any]
) -> None:
    put("report.html", EVIL.encode())
    alone = raw("report.html", sec_fetch_dest="document")
    assert alone.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in alone.headers["content-security-policy"]


@pytest.mark.parametrize(
    "name", ["a.svg", "a.png", "a.txt", "a.xml", "a.xhtml", "a.js", "a.csv", "a", "MLmodel", "a.npy", "a.wav"]
)
def test_every_other_file_runs_nothing_however_it_is_opened(
    put: Callable[[str, bytes], None], raw: Callable[..., Any], name: str
) -> None:
    put(name, b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')

    reply = raw(name, sec_fetch_dest="document")

    policy = reply.headers["content-security-policy"]
    assert policy.endswith("; sandbox")
    assert "script-src" not in policy
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["cross-origin-resource-policy"] == "same-origin"
    assert reply.headers["content-type"].partition(";")[0] in {
        "image/svg+xml",
        "image/png",
        "text/plain",
        "audio/wav",
        "application/octet-stream",
    }


def test_a_pdf_is_a_document_and_nothing_else(
    put: Callable[[str, bytes], None], raw: Callable[..., Any]
) -> None:
    put("a.pdf", EVIL.encode())
    reply = raw("a.pdf")
    assert reply.headers["content-type"] == "application/pdf"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert "script-src" not in reply.headers["content-security-policy"]


def test_files_of_unknown_kinds_are_downloads(
    put: Callable[[str, bytes], None], raw: Callable[..., Any]
) -> None:
    put("a.pkl", b"\x80\x04.")
    assert raw("a.pkl").headers["content-disposition"].startswith("attachment")


def test_media_are_sent_in_the_ranges_that_a_player_asks_for(
    put: Callable[[str, bytes], None], raw: Callable[..., Any]
) -> None:
    put("a.mp4", bytes(range(200)))

    part = raw("a.mp4", range="bytes=100-109")
    again = raw("a.mp4", if_none_match=part.headers["etag"])

    assert (part.status_code, part.content) == (206, bytes(range(100, 110)))
    assert part.headers["content-range"] == "bytes 100-109/200"
    assert part.headers["content-type"] == "video/mp4"
    assert again.status_code == 304


def test_downloads_are_attachments_as_before(api: Any, run: str, put: Callable[[str, bytes], None]) -> None:
    put("report.html", EVIL.encode())
    reply = api.http.get("/get-artifact", params={"run_id": run, "path": "report.html"})
    assert reply.headers["content-disposition"].startswith("attachment")


def test_a_long_text_shows_its_beginning_and_leads_to_the_whole(
    look: Callable[..., str], put: Callable[[str, bytes], None]
) -> None:
    put("a.txt", b"first line\n" + b"x" * 5_000_000)
    put("b.txt", b"\n" * 300_000)
    html = look(path="a.txt")
    assert "first line" in html
    assert "Open the whole file" in html
    assert len(html) < 300_000
    assert look(path="b.txt").count("<span>\n") == 10_000


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", b"\0\1\2", "Despite its name it does not hold text."),
        ("a.csv", b"\x89PNG\r\n\x1a\n\0", "Despite its name it does not hold text."),
        ("a.json", b"{", "It is not valid JSON"),
        ("a.yaml", b"a: [", "It is not valid YAML"),
        ("MLmodel", b"a: 1", "It does not describe a model."),
        ("a.txt", "caf\xe9".encode("latin-1"), "Read as Windows-1252."),
        ("a.txt", "caf\xe9".encode("utf-16"), "Read as UTF-16."),
        ("a.txt", b"", "The file is empty."),
        ("a.png", b"", "The file is empty."),
        ("a.md", b"*a* " * 50_000, "It is too long to be formatted."),
        ("a.json", b"[" + b"1, " * 2_000_000 + b"1]", "It is too long to be folded."),
        ("weights.npy", b"\x93NUMPY\0", "NumPy array, 7 B"),
        ("noname", b"\0\0", "File, 2 B"),
        ("noname", b"words", "<span>words"),
    ],
)
def test_files_that_are_not_what_they_seem_say_so(
    look: Callable[..., str], put: Callable[[str, bytes], None], name: str, content: bytes, words: str
) -> None:
    put(name, content)
    assert words in look(path=name)


def test_artifacts_elsewhere_say_where_and_how_to_fetch_them(api: Any) -> None:
    run_id = api.run(api.experiment("x", artifact_location="s3://bucket/x"))
    html = api.http.get(f"/runs/{run_id}/artifacts").text
    assert "not served by this server" in html
    assert f"s3://bucket/x/{run_id}/artifacts" in html
    assert f'download_artifacts("runs:/{run_id}")' in html
    assert api.http.get(f"/runs/{run_id}/artifacts/raw?path=a").status_code == 400


def test_a_logged_models_files_have_the_same_viewer(api: Any) -> None:
    made = api.post("logged-models", experiment_id="0", name="forest")["model"]["info"]
    model_id = made["model_id"]
    inside = made["artifact_uri"].removeprefix("mlflow-artifacts:/")
    path = f"/api/2.0/mlflow-artifacts/artifacts/{inside}"
    api.http.put(f"{path}/MLmodel", content=b"flavors: {python_function: {loader_module: x}}")
    api.http.put(f"{path}/notes/a.html", content=EVIL.encode())
    own = f"/logged-models/{model_id}/artifacts"

    html = api.http.get(own).text
    file = api.http.get(own, params={"path": "notes/a.html"}).text
    raw = api.http.get(f"{own}/raw", params={"path": "notes/a.html"})
    download = re.search(r'href="(/ajax-api/[^"]+)"', file)

    assert f'load_model("models:/{model_id}")' in html
    assert "forest" in html
    assert "sandbox allow-scripts" in raw.headers["content-security-policy"]
    assert download is not None
    assert api.http.get(download[1]).content == EVIL.encode()
    assert api.http.get("/logged-models/m-nope/artifacts").status_code == 404


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a store that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_store_that_does_not_answer_is_said_and_can_be_asked_again(
    make_api: Any, with_settings: Any, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL": silent,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    api = make_api(with_settings(artifacts_destination="s3://a-bucket/here", artifact_deadline_s=0.5))
    run_id = api.run()

    reply = api.http.get(f"/runs/{run_id}/artifacts?path=a")

    assert reply.status_code == 503
    assert "gave no answer for 0.5 s" in reply.text
    assert f'href="/runs/{run_id}/artifacts?path=a">Try again' in reply.text


def test_an_unknown_run_has_no_files(api: Any) -> None:
    for path in ("/runs/nope/artifacts", "/runs/nope/artifacts/raw?path=a"):
        assert api.http.get(path).status_code == 404
