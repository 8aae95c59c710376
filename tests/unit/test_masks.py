"""What each role is shown of a citizen: one table, deny by default (SEC-05, SEC-10, SEC-13, GEN-18, GEN-21, ORG-33, ORG-35)."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.permissions import ROLES
from crm.callers import masks
from crm.callers.masks import FIELDS
from crm.permissions import MATRIX
from crm.tickets.ticket import Identity

WHOLE = Identity(
    caller_name="张三丰",
    caller_title="先生",
    workplace="德州第二棉纺厂",
    home_address="山东省德州市德城区新湖街道湖滨北路88号",
    caller_phone="13905340001",
    calling_number="13905340002",
    callback_phone="13905340003",
)


@pytest.mark.parametrize(
    ("whole", "seen"),
    [
        ("13905340001", "***0001"),
        ("+86 139-0534-0001", "***0001"),
        ("5342312345", "***2345"),
        ("110", "***"),
        ("12345", "***"),
        ("", ""),
    ],
)
def test_of_a_telephone_number_the_last_four_digits_are_seen(whole: str, seen: str) -> None:
    assert masks.phone(whole) == seen


@pytest.mark.parametrize(
    ("whole", "seen"),
    [
        ("张三", "张**"),
        ("张三丰", "张**"),
        ("欧阳修", "欧阳**"),
        ("欧阳", "欧**"),
        ("Smith", "S**"),
        (" 李 四 ", "李**"),
        ("", ""),
        ("  ", ""),
    ],
)
def test_of_a_name_the_family_name_is_seen(whole: str, seen: str) -> None:
    assert masks.name(whole) == seen


@pytest.mark.parametrize(
    ("whole", "seen"),
    [
        ("山东省德州市德城区新湖街道湖滨北路88号", "山东省德州市德城区新湖街道***"),
        ("德城区湖滨北路88号2单元301", "德城区***"),
        ("宁津县柴胡店镇李村12号", "宁津县柴胡店镇***"),
        ("湖滨北路88号", "***"),
        ("12 Main Street", "***"),
        ("", ""),
    ],
)
def test_of_an_address_the_township_is_seen_and_no_street(whole: str, seen: str) -> None:
    assert masks.address(whole) == seen


def test_a_text_for_strangers_names_neither_the_citizen_nor_a_number() -> None:
    said = "我是张三丰,电话139-0534-0001,住在湖滨北路,举报电话 +8613905340009,门牌 88号,2026年"
    assert masks.text(said, WHOLE) == "我是***,电话***0001,住在湖滨北路,举报电话 ***0009,门牌 88号,2026年"


def test_roles_are_shown_what_the_table_says() -> None:
    full = {role for role in ROLES if masks.identity(role, WHOLE) == WHOLE}
    assert full == set(MATRIX["ticket.identity"]) - {"unit_clerk", "unit_leader"}
    nothing = {role for role in ROLES if masks.identity(role, WHOLE) == Identity()}
    assert nothing == {"analyst", "administrator", "editor", "unit_editor"}
    guest = masks.identity("guest", WHOLE)
    assert guest == Identity(caller_name="张**", caller_phone="***0001", calling_number="***0002", callback_phone="***0003")
    assert masks.identity("unit_clerk", WHOLE) == msgspec.structs.replace(WHOLE, calling_number="")


def test_an_unknown_role_or_field_is_shown_nothing_and_the_public_neither() -> None:
    assert masks.identity("stranger", WHOLE) == masks.identity("", WHOLE) == Identity()
    assert all(masks.shown(role, "shoe_size") == "hidden" for role in ROLES)
    assert {masks.shown("public", field) for field in FIELDS} == {"hidden"}
    assert masks.masked("guest", {"caller_name": "张三", "persons": "李四", "state": "closed"}) == {
        "caller_name": "张**",
        "persons": "",
        "state": "closed",
    }
    assert set(masks.table()) == set(ROLES) and all(set(row) == set(FIELDS) for row in masks.table().values())


def test_every_field_of_the_identity_but_its_id_is_in_the_table() -> None:
    assert set(Identity.__struct_fields__) - {"caller_id"} <= set(FIELDS)


@given(st.text(max_size=40))
def test_no_mask_shows_more_than_it_may(said: str) -> None:
    assert len([one for one in masks.phone(said) if one != "*"]) <= 4
    assert len(masks.name(said)) <= 4
    assert masks.address(said) in ("", "***") or masks.address(said).endswith("***")
    masks.text(said, WHOLE)
