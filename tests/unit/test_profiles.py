"""Profiles of cities (CFG-01 to CFG-08): where the documents differ (CNF), and what overrides may say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from crm.profiles import store
from crm.profiles.profile import KARAMAY_LIMITS, Profile
from hotline.errors import SettingsError
from hotline.settings import Settings, parse

FOLDER = Path(store.__file__).parent


def chosen(name: str = "dezhou", **override: Any) -> Profile:
    return store.current(parse({"city": {"profile": name, "override": override}}, source="hotline.toml"))


def test_there_are_the_seven_profiles_and_dezhou_is_the_base() -> None:
    """CFG-01."""
    assert set(store.PROFILES) == {"dezhou", "karamay", "shangrao", "county_heze", "county_sanmen", "generic_norm", "sector"}
    assert store.current(Settings()) == Profile()
    assert {name: chosen(name).name for name in store.PROFILES} == {name: name for name in store.PROFILES}


def test_the_defaults_are_those_of_the_requirements() -> None:
    """CFG-02 to CFG-04."""
    base = Profile()
    assert base.limits == KARAMAY_LIMITS
    expected: dict[str, Any] = {
        "callback_attempts": 2,
        "callback_days": 3,
        "dispatch_cutoff": "17:00",
        "overnight_from": "17:00",
        "overnight_to": "08:30",
        "overnight_cutoff": "12:00",
        "cutoff_grace_minutes": 30,
        "lower_level_dispatch_hours": 12,
        "default_limit": 5,
        "return_limit": "24h",
        "extension_max_days": 7,
        "extension_unit": "calendar",
        "extension_count": 1,
        "extension_special": 1,
        "public_reply_default": False,
        "malicious_warn_at": 2,
        "malicious_police_at": 3,
        "malicious_window_days": 30,
        "who_replies": "unit",
        "duplicate_policy": "dezhou",
        "pause_on_return": False,
        "pause_on_countersign": True,
        "ticket_years": 10,  # ARC-09
        "recording_years": 2,
        "recording_years_of": {},
    }
    assert {key: getattr(base, key) for key in expected} == expected
    settings = Settings()
    assert (settings.figures.answer_seconds, settings.figures.second_answer_seconds) == (15, 20)


def test_each_city_differs_where_its_document_does() -> None:
    """CNF-01, CNF-02, CNF-04, CNF-06 to CNF-10, CNF-13."""
    differing = {
        name: {
            key: value
            for key, value in msgspec.structs.asdict(chosen(name)).items()
            if value != getattr(Profile(), key) and key not in {"name", "chinese", "english"}
        }
        for name in store.PROFILES
    }
    assert differing["dezhou"] == {}
    assert differing["karamay"].keys() == {"nature_set", "return_limit", "require_identity_for", "duplicate_policy", "redo_by"}
    assert len(differing["karamay"]["nature_set"]) == 7
    assert differing["shangrao"].keys() == {"nature_set", "who_replies", "extension_unit"}
    assert differing["county_heze"] == {"lower_level": True, "reply_review": True}
    assert differing["county_sanmen"] == {"lower_level": True, "reply_review": True}
    assert differing["generic_norm"] == {"office_begins": "08:00", "dispatch_on": "working_days"}
    assert differing["sector"].keys() == {"office_begins", "office_ends", "limit_hours", "limits"}


def test_every_difference_names_its_rule() -> None:
    for name in store.PROFILES:
        for line in (FOLDER / f"{name}.toml").read_text(encoding="utf-8").splitlines():
            if "=" in line and not line.startswith(("#", "name", "chinese", "english")):
                assert re.search(r"# .*[A-Z]{2,3}-\d\d", line), line


def test_a_table_is_merged_and_all_else_replaced() -> None:
    profile = chosen("karamay", limits={"help": 4}, nature_set=["help"], supervision_plan=[{"hours": 0}])
    assert profile.limits == KARAMAY_LIMITS | {"help": 4}
    assert (profile.nature_set, len(profile.supervision_plan)) == (("help",), 1)
    assert profile.return_limit == "same_day"


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ({"nonsense": 1}, "city.override: unknown key nonsense"),
        ({"limits": {"help": "5"}}, "city.override: limits[...]: Expected `int`, got `str`"),
        ({"limits": {"theft": 5}}, "city.override: limits"),
        ({"return_limit": "48h"}, "city.override: return_limit: Invalid enum value '48h'"),
        ({"dispatch_cutoff": "25:00"}, "city.override: dispatch_cutoff"),
        ({"office_ends": "08:00"}, "city.override.office_ends: must come after office_begins"),
        ({"overnight_cutoff": "18:00"}, "city.override.overnight_cutoff: must not come after dispatch_cutoff"),
        ({"cutoff_grace_minutes": 600}, "city.override.overnight_to: must come before dispatch_cutoff"),
        ({"nature_set": []}, "city.override.nature_set: must name a nature"),
        ({"callback_attempts": 0}, "city.override.callback_attempts: must be at least 1"),
        (
            {"supervision_plan": [{"hours": 0, "repeat_daily": True}, {"hours": 1}]},
            "city.override.supervision_plan: only its last",
        ),
        ({"supervision_plan": [{"hours": 1e9}]}, "city.override: supervision_plan[0].hours"),
        ({"legal_notice": "a\x00b"}, "city.override: a control character is not allowed"),
        ({"limits": 5}, "city.override: limits: Expected `object`, got `int`"),
    ],
)
def test_a_wrong_override_is_refused_by_name(override: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        chosen(**override)
    assert str(refused.value).startswith(said)


def test_a_profile_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(SettingsError, match=r"city.profile: there is no profile 'atlantis': one of county_heze, .*shangrao"):
        chosen("atlantis")


def test_rules_that_an_older_program_kept_are_read() -> None:
    """CFG-08: a key that is no more, and one that was not yet."""
    kept = msgspec.to_builtins(Profile(default_limit=9)) | {"of_yesterday": 1}
    del kept["callback_days"]
    assert store.read(kept) == Profile(default_limit=9)


def test_what_differs_between_two_versions() -> None:
    """CFG-08."""
    before, after = msgspec.to_builtins(Profile()), msgspec.to_builtins(Profile(callback_days=5))
    assert store.differences(before, after) == {"callback_days": [3, 5]}
    assert store.differences({}, after) == {}
    assert store.digest(Profile()) != store.digest(Profile(callback_days=5))
    assert store.digest(Profile()) == store.digest(chosen()), "as settings give it"


def test_what_is_lost_of_shangrao_is_as_in_karamay_until_the_city_says_it() -> None:
    """TIM-07: its figures are blank in the source."""
    assert (chosen("shangrao").limits, chosen("shangrao").max_total_days) == (KARAMAY_LIMITS, 0)
    said = chosen("shangrao", limits={"consult": 2, "complaint": 4}, max_total_days=20)
    assert (said.limits["consult"], said.limits["complaint"], said.limits["help"], said.max_total_days) == (2, 4, 5, 20)


def test_scope_ways_of_supervision_and_notices_are_the_citys_to_say() -> None:
    """CNF-11, CNF-14, CNF-20, SEC-16, CFG-04, CFG-07."""
    base = chosen()
    assert "congress_court_procuratorate" in base.scope_exclusions
    assert not [one for one in base.scope_exclusions if "level" in one], "another level's matter is recorded"
    assert [step.mode for step in base.supervision_plan] == ["electronic", "electronic", "telephone", "written"]
    said = chosen(scope_exclusions=["advertising"], legal_notice="依据《信访工作条例》")
    assert (said.scope_exclusions, said.legal_notice) == (("advertising",), "依据《信访工作条例》")
