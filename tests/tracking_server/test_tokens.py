"""Servers that demand a token: who comes in, how, and what they may do."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection

from tracking_server.errors import Unavailable
from tracking_server.guard.keyring import ANYBODY, STALE_S, Holder, Keyring
from tracking_server.store import access_tokens
from tracking_server.store.engine import Database

T = TypeVar("T")

TOKEN = "a-token-ü"
URL = "/api/2.0/mlflow/experiments/get?experiment_id=0"
CREATE = "/api/2.0/mlflow/experiments/create"


@pytest.fixture
def guarded(make_api: Any, with_settings: Any) -> Any:
    return make_api(with_settings(token=TOKEN)).http


@pytest.fixture
def shared(make_api: Any, with_settings: Any) -> Any:
    """A server that is reached from other machines."""
    return make_api(with_settings(demand_token=True))


def make_token(api: Any, name: str, *, may_write: bool = True) -> str:
    return str(
        api.application.database.write_and_wait(
            lambda connection: access_tokens.create(connection, name, may_write=may_write)
        )
    )


def revoke(api: Any, name: str) -> None:
    api.application.database.write_and_wait(lambda connection: access_tokens.revoke(connection, name))


def basic(password: str, user: str = "ann") -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic " + base64.b64encode(b"\xff\xfe").decode()},
        {"Authorization": "Digest username=ann"},
        {"Cookie": "tracking_=x; broken"},
        {"Cookie": "tracking_x=" + "0" * 64},
        basic("wrong"),
        basic(""),
    ],
)
@pytest.mark.parametrize(
    "url",
    [
        URL,
        "/",
        "/get-artifact?run_id=x&path=y",
        "/nothing",
        "/metrics",
        "/openapi.json",
    ],
)
def test_strangers_stay_out_of_everything(guarded: Any, url: str, headers: dict[str, str]) -> None:
    reply = guarded.get(url, headers=headers)

    assert reply.status_code == 401
    assert reply.json()["error_code"] == "UNAUTHENTICATED"
    assert TOKEN not in reply.text


def test_no_endpoint_at_all_is_open_to_strangers(guarded: Any) -> None:
    document = guarded.get("/openapi.json", headers=bearer_bytes(TOKEN)).json()
    calls = [(method, path) for path, methods in document["paths"].items() for method in methods]
    answers = {
        (method, path): guarded.request(method, path, json={}).status_code
        for method, path in calls
        if path not in ("/health", "/version")
    }

    assert len(answers) > 80
    assert set(answers.values()) == {401}


def bearer_bytes(token: str) -> dict[str, bytes]:
    return {"Authorization": b"Bearer " + token.encode()}


@pytest.mark.parametrize("path", ["/health", "/version"])
def test_health_and_version_are_open(guarded: Any, path: str) -> None:
    assert guarded.get(path).status_code == 200


def test_bearer_and_basic_as_mlflow_clients_send_them(guarded: Any) -> None:
    assert guarded.get(URL, headers=bearer_bytes(TOKEN)).status_code == 200
    assert guarded.get(URL, headers=basic(TOKEN)).status_code == 200


def test_a_browser_brings_the_token_once(guarded: Any) -> None:
    arrival = guarded.get("/experiments/0", params={"token": TOKEN, "filter": "a b"})

    assert arrival.status_code == 303
    assert arrival.headers["location"] == "/experiments/0?filter=a+b"
    cookie = arrival.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=strict" in cookie.lower()
    assert TOKEN not in cookie
    assert guarded.get("/").status_code == 200  # the client keeps the cookie
    assert guarded.get(URL).status_code == 200


def test_a_cookie_of_an_encrypted_page_is_never_sent_in_the_clear(guarded: Any) -> None:
    reply = guarded.get("/", params={"token": TOKEN}, headers={"X-Forwarded-Proto": "https"})

    assert "; secure" in reply.headers["set-cookie"].lower()


def test_a_wrong_token_in_the_address_opens_nothing(guarded: Any) -> None:
    reply = guarded.get("/?token=wrong")

    assert reply.status_code == 401
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example/"])
def test_the_redirect_cannot_lead_to_another_host(guarded: Any, path: str) -> None:
    reply = guarded.get(f"http://localhost{path}", params={"token": TOKEN})

    assert reply.headers["location"].startswith("/evil.example")


def test_a_token_of_the_store_opens_as_the_servers_own_does(shared: Any) -> None:
    token = make_token(shared, "ci")

    assert shared.http.get(URL).status_code == 401
    assert shared.http.get(URL, headers=bearer(token)).status_code == 200
    assert shared.http.get(URL, headers=basic(token, user="ci")).status_code == 200
    assert shared.http.post(CREATE, json={"name": "x"}, headers=bearer(token)).status_code == 200
    arrival = shared.http.get("/", params={"token": token})
    assert token not in arrival.headers["set-cookie"]
    assert shared.http.get(URL).status_code == 200  # by its cookie


def test_what_is_stored_of_a_token_opens_nothing(shared: Any) -> None:
    token = make_token(shared, "ci")
    stored = shared.application.database.read_now(access_tokens.every)[0]

    assert token not in str(stored)
    for stolen in (stored.digest, access_tokens.proof_of(token.encode())):
        assert shared.http.get(URL, headers=bearer(stolen)).status_code == 401
    name = "tracking_" + stored.digest[:12]
    assert shared.http.get(URL, headers={"Cookie": f"{name}={stored.digest}"}).status_code == 401


def test_a_token_that_may_only_read_changes_nothing(shared: Any) -> None:
    headers = bearer(make_token(shared, "dashboard", may_write=False))
    document = shared.http.get("/openapi.json", headers=headers).json()
    database = shared.application.database
    commits = database.commits
    statuses = {}
    for path, methods in document["paths"].items():
        for method in methods:
            reply = shared.http.request(method, path, json={}, headers=headers)
            statuses[method, path] = reply.status_code, methods[method]["x-reads"]

    assert database.commits == commits  # what is called reading is reading
    assert {status for status, reads in statuses.values() if not reads} == {403}
    assert 403 not in {status for status, reads in statuses.values() if reads}
    assert 401 not in {status for status, _ in statuses.values()}


def test_reading_is_everything_that_looks_and_nothing_that_acts(shared: Any) -> None:
    headers = bearer(make_token(shared, "any"))
    document = shared.http.get("/openapi.json", headers=headers).json()
    reads = {
        (method, path): operation["x-reads"]
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    looks = ("/search", "/search-datasets", "/get-latest-versions", "/presigned-download-url")

    for (method, path), is_reading in reads.items():
        assert is_reading == (method == "get" or path.endswith(looks)), (method, path)


def test_a_token_that_may_only_read_sees_every_page_and_searches(shared: Any) -> None:
    headers = bearer(make_token(shared, "dashboard", may_write=False))

    for path in ("/", "/experiments/0", URL, "/metrics"):
        assert shared.http.get(path, headers=headers).status_code == 200
    body = {"experiment_ids": ["0"]}
    assert shared.http.post("/api/2.0/mlflow/runs/search", json=body, headers=headers).status_code == 200
    refused = shared.http.post(CREATE, json={"name": "x"}, headers=headers)
    assert "'dashboard' may only read" in refused.json()["message"]


def test_a_revoked_token_is_refused_within_seconds(shared: Any, wait_for: Any) -> None:
    token, other = make_token(shared, "leaver"), make_token(shared, "stays")
    assert shared.http.get(URL, headers=bearer(token)).status_code == 200

    revoke(shared, "leaver")

    wait_for(lambda: shared.http.get(URL, headers=bearer(token)).status_code == 401, timeout_s=5)
    assert shared.http.get(URL, headers=bearer(other)).status_code == 200


def test_a_token_that_is_made_while_the_server_runs_opens_it_within_seconds(
    shared: Any, wait_for: Any
) -> None:
    assert shared.http.get(URL, headers=bearer("x")).status_code == 401
    token = make_token(shared, "new")

    wait_for(lambda: shared.http.get(URL, headers=bearer(token)).status_code == 200, timeout_s=5)


def test_the_first_token_closes_a_server(api: Any, wait_for: Any) -> None:
    assert api.http.get(URL).status_code == 200
    make_token(api, "only")

    wait_for(lambda: api.http.get(URL).status_code == 401, timeout_s=5)


def test_revoking_the_last_token_opens_nothing(api: Any) -> None:
    database = api.application.database
    seconds = 0.0

    async def ask() -> None:
        nonlocal seconds
        keyring = Keyring(database, own=[], demanded=False, now=lambda: seconds)
        assert await keyring.holder([]) == ANYBODY
        database.write_and_wait(lambda connection: access_tokens.create(connection, "only", may_write=True))
        seconds = 10
        assert await keyring.holder(["wrong"]) is None
        database.write_and_wait(lambda connection: access_tokens.revoke(connection, "only"))
        seconds = 20
        assert await keyring.holder(["wrong"]) is None
        assert await keyring.holder([]) is None

    asyncio.run(ask())


def test_nobody_is_let_in_on_memory_for_long_when_the_database_is_gone(api: Any) -> None:
    database = api.application.database
    token = database.write_and_wait(lambda c: access_tokens.create(c, "ci", may_write=True))
    shown = [access_tokens.digest_of(token.encode())]
    seconds = 0.0

    async def ask() -> None:
        nonlocal seconds
        keyring = Keyring(Gone(database), own=["own"], demanded=True, now=lambda: seconds)
        assert (await keyring.holder(shown)) == Holder(name="ci", may_write=True)
        Gone.is_gone = True
        seconds = STALE_S - 0.1
        assert await keyring.holder(shown) is not None
        seconds = STALE_S + 0.1
        with pytest.raises(Unavailable):
            await keyring.holder(shown)
        own = await keyring.holder([access_tokens.digest_of(b"own")])
        assert own is not None

    asyncio.run(ask())


class Gone(Database):
    """A database whose server has gone away since it was opened."""

    is_gone = False

    def __init__(self, real: Database) -> None:
        self._real = real

    async def read(self, work: Callable[[Connection], T]) -> T:
        if Gone.is_gone:
            raise Unavailable("gone")
        return await self._real.read(work)


def test_who_insists_on_no_protection_gets_none(make_api: Any, with_settings: Any) -> None:
    api = make_api(with_settings(demand_token=True, insecure_no_auth=True, token=TOKEN))

    assert api.http.get(URL).status_code == 200
    assert api.http.post(CREATE, json={"name": "x"}).status_code == 200


@pytest.mark.parametrize("header", ["Authorization", "Host", "Origin"])
def test_a_header_that_decides_is_given_once(guarded: Any, header: str) -> None:
    first = {"Authorization": f"Bearer {TOKEN}", "Host": "localhost", "Origin": "http://localhost"}[header]
    headers = [("Authorization", basic(TOKEN)["Authorization"]), (header, first), (header, "evil.example")]
    reply = guarded.get(URL, headers=[(name.encode(), value.encode()) for name, value in headers])

    assert reply.status_code == 400
    assert "given twice" in reply.json()["message"]


@pytest.mark.parametrize("name", ["", "a b", "a/b", "x" * 101, "a:b", "a\nb"])
def test_names_of_tokens_are_plain(shared: Any, name: str) -> None:
    with pytest.raises(Exception, match="cannot name a token"):
        make_token(shared, name)


def test_no_two_tokens_have_one_name(shared: Any) -> None:
    make_token(shared, "ci")

    with pytest.raises(Exception, match="already"):
        make_token(shared, "ci")
