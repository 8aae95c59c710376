"""A delivery is signed, so that its receiver knows that it is ours, whole, and not an old one sent again. Pure."""

from __future__ import annotations

import hashlib
import hmac

HEADER = "Hotline-Signature"


def signature(secret: str, at: int, delivery: str, body: bytes) -> str:
    """``t=<seconds since 1970>,v1=<HMAC-SHA256 in hex>`` over ``<seconds>.<delivery>.<body>``."""
    digest = hmac.new(secret.encode(), f"{at}.{delivery}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"
