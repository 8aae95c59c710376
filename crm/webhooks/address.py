"""Where webhooks may go: to public addresses by https, and to the networks that the settings name; nowhere else. Pure.

The name in a URL says nothing: what counts is the address that is connected to (``sending.py``), at the moment of connecting.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

LONGEST = 500
_TRANSLATED = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("2002::/16"), ipaddress.ip_network("2001::/32"))
"""Ways to write an IPv4 address in IPv6 that other machines translate back."""


def is_allowed(address: str, networks: Sequence[str], *, encrypted: bool) -> bool:
    """Whether a connection to this address may be made."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    if any(found in ipaddress.ip_network(network) for network in networks):
        return True
    is_public = found.is_global and not (found.is_multicast or found.is_reserved) and not any(found in one for one in _TRANSLATED)
    return encrypted and is_public


def is_url(text: str) -> bool:
    """Whether this is an address that could be one of a webhook: https or http, a host, no user name, nothing after ``#``."""
    if len(text) > LONGEST or not re.fullmatch(r"[!-~]+", text) or "\\" in text:
        return False
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    is_host = bool(parts.hostname and re.fullmatch(r"[A-Za-z0-9._:-]{1,253}", parts.hostname))
    return parts.scheme in ("https", "http") and is_host and "@" not in parts.netloc and not parts.fragment and port != 0
