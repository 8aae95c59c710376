"""Query codes are kept as salted hashes (IVR-06)."""

from __future__ import annotations

import pytest

from hotline import query_codes


def test_the_right_code_fits_its_hash_and_no_other_does() -> None:
    stored = query_codes.hashed("480913")
    assert query_codes.fits("480913", stored)
    assert not query_codes.fits("480914", stored)
    assert not query_codes.fits("", stored)
    assert "480913" not in stored


def test_the_same_code_is_never_stored_twice_alike() -> None:
    assert query_codes.hashed("1") != query_codes.hashed("1")


def test_where_there_is_no_code_none_fits() -> None:
    assert not query_codes.fits("", query_codes.NO_CODE)
    assert not query_codes.fits("0", query_codes.NO_CODE)


@pytest.mark.parametrize("stored", ["", "scrypt$14", "md5$14$8$1$00$00", "scrypt$x$8$1$00$00", "scrypt$14$8$1$zz$00"])
def test_what_is_no_hash_is_an_error(stored: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        query_codes.fits("1", stored)
