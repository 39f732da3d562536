"""Credentials, TLS, proxies and deadlines, as the environment gives them."""

from __future__ import annotations

import base64

import pytest

from tracking_client.connection import Connection, Patience
from tracking_client.errors import InvalidArgument
from tracking_client.tracking_uri import RemoteServer, parse


def _to(uri: str, **environ: str) -> Connection:
    server = parse(uri)
    assert isinstance(server, RemoteServer)
    return Connection.to_server(server, environ)


def test_credentials_of_the_uri_come_before_those_of_the_environment() -> None:
    basic = "Basic " + base64.b64encode(b"me:pw").decode()
    assert _to("http://me:pw@h", MLFLOW_TRACKING_TOKEN="t").authorization == basic
    assert (
        _to("http://h", MLFLOW_TRACKING_USERNAME="me", MLFLOW_TRACKING_PASSWORD="pw").authorization == basic
    )
    assert _to("http://h", MLFLOW_TRACKING_TOKEN="t").authorization == "Bearer t"
    assert _to("http://h").authorization is None


def test_secrets_are_not_in_the_representation() -> None:
    assert "hush" not in repr(_to("http://me:hush@h", https_proxy="http://u:hush@p"))


def test_tls_is_verified_unless_somebody_says_no() -> None:
    assert _to("https://h").verify_tls
    assert not _to("https://h", MLFLOW_TRACKING_INSECURE_TLS="true").verify_tls
    assert _to("https://h", MLFLOW_TRACKING_SERVER_CERT_PATH="/a", REQUESTS_CA_BUNDLE="/b").ca_certs == "/a"
    assert _to("https://h", REQUESTS_CA_BUNDLE="/b").ca_certs == "/b"


@pytest.mark.parametrize("uri", ["http://localhost:5000", "http://127.0.0.1:5000", "http://[::1]:5000"])
def test_loopback_is_never_proxied(uri: str) -> None:
    assert _to(uri, HTTP_PROXY="http://p:3128").proxy is None


@pytest.mark.parametrize(
    ("no_proxy", "is_proxied"),
    [
        ("", True),
        ("example.invalid", False),
        (".example.invalid", False),
        ("other.invalid, example.invalid", False),
        ("ample.invalid", True),
        ("*", False),
        ("track.example.invalid:80", True),
        ("track.example.invalid:5000", False),
    ],
)
def test_no_proxy_names_hosts_and_domains(no_proxy: str, is_proxied: bool) -> None:
    connection = _to("http://track.example.invalid:5000", http_proxy="p:3128", NO_PROXY=no_proxy)
    assert connection.proxy == ("http://p:3128" if is_proxied else None)


def test_no_proxy_names_networks() -> None:
    assert _to("http://10.1.2.3", http_proxy="http://p", no_proxy="10.0.0.0/8").proxy is None
    assert _to("http://11.1.2.3", http_proxy="http://p", no_proxy="10.0.0.0/8").proxy == "http://p"


def test_patience_is_read_from_the_environment() -> None:
    patience = Patience.from_environ(
        {
            "RUNNER_HTTP_DEADLINE_S": "7",
            "MLFLOW_HTTP_REQUEST_TIMEOUT": "3",
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
        }
    )
    assert (patience.deadline_s, patience.read_s, patience.max_retries) == (7.0, 3.0, 2)
    assert Patience.from_environ({}) == Patience()


@pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf"])
def test_patience_that_is_no_number_names_its_variable(value: str) -> None:
    with pytest.raises(InvalidArgument, match="RUNNER_HTTP_DEADLINE_S"):
        Patience.from_environ({"RUNNER_HTTP_DEADLINE_S": value})
