"""Browsers at servers that demand a token: led to the page that asks for it, let in, and out again."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.tracking_server.test_tokens import TOKEN, guarded, make_token, revoke, shared
from tracking_server.ui.routes import FORMS, PAGES

__all__ = ["guarded", "shared"]

BROWSER = {"Accept": "text/html,application/xhtml+xml"}


def sign_in(http: Any, token: str, wanted: str = "/") -> Any:
    return http.post("/login", data={"token": token, "wanted": wanted}, headers=BROWSER)


def test_a_stranger_is_led_to_the_page_that_asks_and_then_back(guarded: Any) -> None:
    reply = guarded.get("/experiments/0?filter=metrics.m+%3E+1", headers=BROWSER)

    assert reply.status_code == 303
    assert reply.headers["location"] == "/login?wanted=%2Fexperiments%2F0%3Ffilter%3Dmetrics.m%2B%253E%2B1"
    form = guarded.get(reply.headers["location"], headers=BROWSER)
    assert 'name="wanted" value="/experiments/0?filter=metrics.m+%3E+1"' in form.text

    entered = sign_in(guarded, TOKEN, "/experiments/0?filter=metrics.m+%3E+1")
    assert entered.headers["location"] == "/experiments/0?filter=metrics.m+%3E+1"
    assert guarded.get(entered.headers["location"], headers=BROWSER).status_code == 200


def test_programs_are_told_what_is_missing_as_before(guarded: Any) -> None:
    assert guarded.get("/", headers={"Accept": "application/json"}).status_code == 401
    assert guarded.get("/api/2.0/mlflow/experiments/get?experiment_id=0", headers=BROWSER).status_code == 401


def test_a_wrong_token_is_refused_and_no_cookie_is_given(guarded: Any) -> None:
    reply = sign_in(guarded, "wrong")

    assert reply.status_code == 401
    assert "no token of this server" in reply.text
    assert "wrong" not in reply.text
    assert "set-cookie" not in reply.headers


def test_the_cookie_is_no_token_and_out_of_reach_of_scripts_and_sites(guarded: Any) -> None:
    cookie = sign_in(guarded, TOKEN).headers["set-cookie"]

    assert TOKEN not in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x"]
)
def test_signing_in_leads_to_no_other_site(guarded: Any, wanted: str) -> None:
    assert sign_in(guarded, TOKEN, wanted).headers["location"] == "/"


def test_no_other_site_signs_anybody_in_or_out(guarded: Any) -> None:
    foreign = {**BROWSER, "Origin": "https://evil.example"}

    assert guarded.post("/login", data={"token": TOKEN}, headers=foreign).status_code == 403
    sign_in(guarded, TOKEN)
    assert guarded.post("/logout", headers=foreign).status_code == 403
    guarded.get("/logout", headers=BROWSER)
    assert guarded.get("/", headers=BROWSER).status_code == 200


def test_signing_out_forgets_the_cookie(guarded: Any) -> None:
    sign_in(guarded, TOKEN)
    assert "Sign out" in guarded.get("/", headers=BROWSER).text

    guarded.post("/logout", headers=BROWSER)

    assert guarded.get("/", headers=BROWSER).status_code == 303


def test_a_token_that_opens_nothing_here_goes_no_further(guarded: Any) -> None:
    reply = guarded.get("/experiments/0?token=of-another-server&filter=a", headers=BROWSER)

    assert reply.headers["location"] == "/login?wanted=%2Fexperiments%2F0%3Ffilter%3Da"


def test_an_address_with_reserved_letters_is_come_back_to(guarded: Any) -> None:
    reply = guarded.get("/models/what%3F%20%23", headers=BROWSER)
    form = guarded.get(reply.headers["location"], headers=BROWSER)

    assert 'name="wanted" value="/models/what%3F%20%23"' in form.text


def test_signing_out_leaves_the_cookies_of_other_servers_of_the_host(guarded: Any) -> None:
    sign_in(guarded, TOKEN)
    guarded.cookies.set("tracking_0123456789ab", "0" * 64)

    deleted = guarded.post("/logout", headers=BROWSER).headers.get_list("set-cookie")

    assert len(deleted) == 1
    assert "tracking_0123456789ab" not in deleted[0]


def test_a_revoked_token_ends_its_sessions(shared: Any) -> None:
    token = make_token(shared, "ann")
    sign_in(shared.http, token)
    assert shared.http.get("/", headers=BROWSER).status_code == 200

    revoke(shared, "ann")

    status = 200
    while status == 200:
        status = shared.http.get("/", headers=BROWSER).status_code
    assert status == 303


def test_who_may_only_read_sees_no_way_to_change_anything_and_is_refused(shared: Any) -> None:
    sign_in(shared.http, make_token(shared, "bob", may_write=False))

    html = shared.http.get("/", headers=BROWSER).text
    reply = shared.http.post("/experiments/create", data={"name": "x"}, headers=BROWSER)

    assert "may only read" in html
    assert 'method="post" action="/experiments' not in html
    assert reply.status_code == 403
    assert reply.headers["content-type"].startswith("text/html")
    assert "may only read" in reply.text


def test_who_may_only_read_may_choose_what_is_shown(shared: Any) -> None:
    sign_in(shared.http, make_token(shared, "bob", may_write=False))

    chosen = shared.http.post("/experiments/0/columns", data={"column": "params.lr"}, headers=BROWSER)
    pinned = shared.http.post("/experiments/0/mark", data={"do": "pin", "run": "x"}, headers=BROWSER)

    assert chosen.headers["location"] == "/experiments/0?column=params.lr"
    assert pinned.headers["location"] == "/experiments/0?pin=x"
    assert shared.http.post("/experiments/0/columns/x", headers=BROWSER).status_code == 403


def test_where_no_token_is_demanded_nobody_is_asked_for_one(api: Any) -> None:
    assert api.http.get("/login", headers=BROWSER).headers["location"] == "/"
    assert "Sign out" not in api.http.get("/", headers=BROWSER).text


@pytest.mark.parametrize("headers", [{"Origin": "null"}, {"Origin": "http://evil.example"},
    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}], ids=str)  # fmt: skip
def test_no_form_is_taken_from_another_site(api: Any, headers: dict[str, str]) -> None:
    for pattern in [*FORMS, "/login", "/logout"]:
        reply = api.http.post(re.sub(r"{\w+}", "0", pattern), data={"name": "x"}, headers=headers)
        assert reply.status_code == 403, pattern


def test_who_may_only_read_can_send_no_form_that_changes_anything(shared: Any) -> None:
    sign_in(shared.http, make_token(shared, "bob", may_write=False))

    for pattern in FORMS:
        status = shared.http.post(re.sub(r"{\w+}", "0", pattern), data={}, headers=BROWSER).status_code
        assert (status == 403) == (not pattern.endswith(("/columns", "/mark"))), pattern


def test_nothing_between_keeps_what_only_some_may_see(api: Any) -> None:
    run = api.run()
    api.http.put(f"/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/a.txt", content=b"secret")
    ids = {"run_id": run, "experiment_id": "0"}
    shown = [page for page in PAGES if set(re.findall(r"{(\w+)}", page)) <= ids.keys()]
    addresses = [re.sub(r"{(\w+)}", lambda match: ids[match[1]], page) for page in shown]

    for address in [*addresses, f"/get-artifact?run_id={run}", "/models/none"]:
        query = f"{'&' if '?' in address else '?'}run={run}&path=a.txt&metric=m&of=params.p"
        kept = api.http.get(address + query).headers.get("cache-control", "")
        assert "private" in kept or "no-store" in kept, address
