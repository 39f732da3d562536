"""Servers that demand a token."""

from __future__ import annotations

import base64
from typing import Any

import pytest

TOKEN = "a-token-ü"


@pytest.fixture
def guarded(make_api: Any, with_settings: Any) -> Any:
    return make_api(with_settings(token=TOKEN)).http


def basic(password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"ann:{password}".encode()).decode()}


URL = "/api/2.0/mlflow/experiments/get?experiment_id=0"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Basic " + base64.b64encode(b"\xff\xfe").decode()},
        {"Cookie": "tracking_=x; broken"},
        basic("wrong"),
    ],
)
@pytest.mark.parametrize("url", [URL, "/", "/static/style.css", "/get-artifact?run_id=x&path=y", "/nothing"])
def test_strangers_stay_out_of_everything(guarded: Any, url: str, headers: dict[str, str]) -> None:
    reply = guarded.get(url, headers=headers)

    assert reply.status_code == 401
    assert reply.json()["error_code"] == "UNAUTHENTICATED"
    assert TOKEN not in reply.text


@pytest.mark.parametrize("path", ["/health", "/version"])
def test_health_and_version_are_open(guarded: Any, path: str) -> None:
    assert guarded.get(path).status_code == 200


def test_bearer_and_basic_as_mlflow_clients_send_them(guarded: Any) -> None:
    assert guarded.get(URL, headers={"Authorization": b"Bearer " + TOKEN.encode()}).status_code == 200
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


def test_a_wrong_token_in_the_address_opens_nothing(guarded: Any) -> None:
    reply = guarded.get("/?token=wrong")

    assert reply.status_code == 401
    assert "set-cookie" not in reply.headers


def test_the_redirect_cannot_lead_to_another_host(guarded: Any) -> None:
    reply = guarded.get("http://localhost//evil.example/", params={"token": TOKEN})

    assert reply.headers["location"].startswith("/evil.example")
