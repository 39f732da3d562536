"""Signing deliveries, as MLflow does: HMAC-SHA256 in the manner of Standard Webhooks."""

from __future__ import annotations

import base64
import hmac

SIGNATURE_HEADER = "X-MLflow-Signature"
TIMESTAMP_HEADER = "X-MLflow-Timestamp"
DELIVERY_ID_HEADER = "X-MLflow-Delivery-Id"


def sign(secret: str, *, delivery_id: str, timestamp_s: int, body: bytes) -> str:
    """The value of the signature header: `v1,` and the HMAC of `id.timestamp.body` in base 64."""
    signed = f"{delivery_id}.{timestamp_s}.".encode() + body
    digest = hmac.digest(secret.encode(), signed, "sha256")
    return "v1," + base64.b64encode(digest).decode("ascii")


def headers_of(*, delivery_id: str, timestamp_s: int, body: bytes, secret: str | None) -> dict[str, str]:
    """The headers that say which delivery this is, and from whom where there is a secret."""
    headers = {DELIVERY_ID_HEADER: delivery_id, TIMESTAMP_HEADER: str(timestamp_s)}
    if secret:
        headers[SIGNATURE_HEADER] = sign(secret, delivery_id=delivery_id, timestamp_s=timestamp_s, body=body)
    return headers
