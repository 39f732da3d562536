"""Signatures are those of MLflow, byte for byte."""

from __future__ import annotations

import pytest

from tracking_server.webhooks.signature import headers_of, sign

# Made with `openssl dgst -sha256 -hmac SECRET -binary | base64`.
VECTORS = [
    ("secret", "id", 1, b"{}", "v1,490pAcC1LQ1k1cOcmH0da199+A88OKCj0Io4WnJlp68="),
    (
        "pa ss\u00e9",
        "0b0d6f1e-97ab-4c1c-8f0b-1d2f6a3c4b5d",
        1700000000,
        '{"a":"\u00fc"}'.encode(),
        "v1,qtr82prD8zLxib0eRg5asRLknIzc/xyypk3jPgtkDBk=",
    ),
]


@pytest.mark.parametrize(("secret", "delivery_id", "timestamp_s", "body", "expected"), VECTORS)
def test_a_signature_covers_the_id_the_time_and_the_body(
    secret: str, delivery_id: str, timestamp_s: int, body: bytes, expected: str
) -> None:
    assert sign(secret, delivery_id=delivery_id, timestamp_s=timestamp_s, body=body) == expected


def test_without_a_secret_there_is_no_signature() -> None:
    headers = headers_of(delivery_id="id", timestamp_s=7, body=b"{}", secret=None)

    assert headers == {"X-MLflow-Delivery-Id": "id", "X-MLflow-Timestamp": "7"}


def test_the_headers_are_those_that_receivers_of_mlflow_read() -> None:
    headers = headers_of(delivery_id="id", timestamp_s=1, body=b"{}", secret="secret")

    assert headers == {
        "X-MLflow-Delivery-Id": "id",
        "X-MLflow-Timestamp": "1",
        "X-MLflow-Signature": VECTORS[0][4],
    }
