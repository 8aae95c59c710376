"""Where webhooks may go, and how long they wait."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.webhooks.address import is_allowed, is_url
from crm.webhooks.pauses import LONGEST_SECONDS, pause_seconds

INSIDE = ("127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "255.255.255.255")
INSIDE_6 = (
    "::1",
    "::",
    "fe80::1%eth0",
    "fd00::1",
    "::ffff:10.1.2.3",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2001:0:1::",
    "ff02::1",
)


@pytest.mark.parametrize("address", [*INSIDE, *INSIDE_6, "224.0.0.1", "", "localhost", "1.2.3"])
def test_an_address_that_is_not_public_is_allowed_only_in_a_network_of_the_settings(address: str) -> None:
    assert not is_allowed(address, [], encrypted=True)
    assert not is_allowed(address, ["203.0.113.0/24"], encrypted=True)


def test_public_addresses_need_encryption_and_networks_of_the_settings_do_not() -> None:
    assert is_allowed("8.8.8.8", [], encrypted=True) and not is_allowed("8.8.8.8", [], encrypted=False)
    assert is_allowed("2400:3200::1", [], encrypted=True)
    assert is_allowed("10.1.2.3", ["10.1.0.0/16"], encrypted=False) and not is_allowed(
        "10.2.2.3", ["10.1.0.0/16"], encrypted=True
    )
    assert is_allowed("::ffff:10.1.2.3", ["10.1.0.0/16"], encrypted=False)
    assert is_allowed("fd00::1", ["fd00::/8"], encrypted=False)


@pytest.mark.parametrize(
    "url",
    ["", "https://", "https:///x", "http://a b/", "file:///etc/passwd", "https://u@h/", "https://h/#f", "https://h:99999/", "https://h:x/",
     "https://h\\@i/", "https://h/\n", "https://路/", "https://" + "a" * 600],
)  # fmt: skip
def test_what_is_no_address_of_a_webhook_is_refused(url: str) -> None:
    assert not is_url(url)


@pytest.mark.parametrize("url", ["https://h.example/x?y=1", "http://10.1.2.3:8080/", "https://[fd00::1]/x"])
def test_addresses_of_webhooks(url: str) -> None:
    assert is_url(url)


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_breaks_the_judgement(url: str, address: str) -> None:
    is_url(url)
    is_url("https://" + url)
    is_allowed(address, [], encrypted=True)


@given(st.floats(0.1, 60), st.integers(1, 10**6), st.floats(0, 1))
def test_pauses_grow_up_to_an_hour_and_a_fifth(first: float, tries: int, chance: float) -> None:
    found = pause_seconds(first, tries, chance)
    assert 0.8 * first <= found <= 1.21 * LONGEST_SECONDS
    assert pause_seconds(first, tries + 1, chance) >= found
