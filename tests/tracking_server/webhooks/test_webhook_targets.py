"""Which URLs and addresses webhooks may have: the public internet over https, in one spelling, or what is allowed."""

from __future__ import annotations

import ipaddress

import pytest

from tracking_server.errors import InvalidParameter, StartRefused
from tracking_server.webhooks.addresses import is_public
from tracking_server.webhooks.targets import AllowedTargets, check_port, target_of

NOT_PUBLIC = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
PUBLIC = [
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.1",
    "223.255.255.255",
    "2606:4700:4700::1111",
    "2a00:1450:4001::1",
    "64:ff9b::101:101",
    "::ffff:1.1.1.1",
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_addresses_of_some_inside_are_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "authority"),
    [
        ("https://hooks.example", "hooks.example", 443, "/", "hooks.example"),
        ("https://HOOKS.example.:8443/a?b=c#d", "hooks.example", 8443, "/a?b=c", "hooks.example:8443"),
        ("https://[2606:4700::1]:8443/x", "2606:4700::1", 8443, "/x", "[2606:4700::1]:8443"),
        ("https://1.2.3.4/x", "1.2.3.4", 443, "/x", "1.2.3.4"),
        ("https://a_b.xn--bcher-kva.example/%C3%BC", "a_b.xn--bcher-kva.example", 443, "/%C3%BC", None),
    ],
)
def test_a_url_is_taken_apart(url: str, host: str, port: int, path: str, authority: str | None) -> None:
    target = target_of(url)

    assert (target.host, target.port, target.path) == (host, port, path)
    assert target.authority == (authority or host)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/",
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "//hooks.example/",
        "hooks.example",
        "https:",
        "https:///x",
        "https://",
        "https://user@hooks.example/",
        "https://user:password@hooks.example/",
        "https://hooks.example\\@127.0.0.1/",
        "https://hooks.example/a b",
        "https://hooks.example/\r\nHost: inside",
        "https://hooks.example/\tx",
        "https://hooks.example\n.inside/",
        "https://b\u00fccher.example/",
        "https://hooks.example/\u00fc",
        "https://\u2460\u2461\u2466.0.0.1/",
        "https://127.1/",
        "https://0177.0.0.1/",
        "https://0x7f.0.0.1/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://017700000001/",
        "https://127.0.0.1.5/",
        "https://1.2.3.256/",
        "https://01.2.3.4/",
        "https://%31%32%37.0.0.1/",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://[1.2.3.4]/",
        "https://-bad.example/",
        "https://a..b/",
        "https://.example/",
        "https://" + "a" * 64 + ".example/",
        "https://" + "a." * 127 + "example/",
        "https://hooks.example:x/",
        "https://hooks.example:65536/",
        "https://hooks.example/" + "a" * 2000,
    ],
)
def test_urls_of_other_kinds_and_spellings_are_refused(url: str) -> None:
    with pytest.raises(InvalidParameter):
        target_of(url)


def test_a_refusal_does_not_repeat_a_password() -> None:
    with pytest.raises(InvalidParameter) as refusal:
        target_of("https://user:hunter2@hooks.example/")

    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("port", [0, 22, 25, 80, 389, 1023])
def test_ports_of_other_services_are_refused(port: int) -> None:
    with pytest.raises(InvalidParameter, match="port"):
        check_port(target_of(f"https://hooks.example:{port}/"))


@pytest.mark.parametrize("port", [443, 1024, 8443, 65535])
def test_ports_of_webhooks_are_taken(port: int) -> None:
    check_port(target_of(f"https://hooks.example:{port}/"))


def test_what_is_allowed_is_allowed_by_name_and_port_exactly() -> None:
    allowed = AllowedTargets(["Hooks.Corp:8443", "10.0.0.7", "[::1]:9443"])

    assert target_of("https://hooks.corp:8443/any/path") in allowed
    assert target_of("https://10.0.0.7/") in allowed
    assert target_of("https://[0:0::1]:9443/") in allowed
    for other in ("https://hooks.corp/", "https://x.hooks.corp:8443/", "https://10.0.0.7:8443/"):
        assert target_of(other) not in allowed


@pytest.mark.parametrize("entry", ["", "a b", "http://x", "x/path", "x:port", "u@x", "127.1", "*.corp"])
def test_what_cannot_be_a_target_cannot_be_allowed(entry: str) -> None:
    with pytest.raises(StartRefused, match="--webhook-allowed-hosts"):
        AllowedTargets([entry])
