"""``python -m ivr_flows``: check, list, run, load and take back, with its exit statuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hotline import clock
from hotline.settings import Ivr, Settings
from ivr_flows import installing, library
from ivr_flows.__main__ import main
from ivr_flows.check import check
from ivr_flows.errors import FlowError, FlowRefused

GOOD = (library.OURS / "12345.toml").read_text(encoding="utf-8")
CHANGED = GOOD.replace('title = "12345 市民服务热线"', 'title = "本市热线"')
BAD = GOOD.replace('0 = "main" }', '0 = "mian" }')


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A state folder of its own, the default settings, and the log as the other tests have it."""
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path / "var"))
    (tmp_path / "empty.toml").write_text("")
    monkeypatch.setenv("HOTLINE_CONFIG", str(tmp_path / "empty.toml"))
    return tmp_path / "var"


def written(folder: Path, text: str, name: str = "12345") -> Path:
    file = folder / f"{name}.toml"
    file.write_text(text, encoding="utf-8")
    return file


# --- check and list ---------------------------------------------------------------------------------------------------------


def test_our_flows_are_good(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    said = capsys.readouterr().out
    assert [name in said for name in ("12345@", "direct@", "standby@")] == [True] * 3
    assert main(["check", "12345", "direct"]) == 0


def test_problems_are_told_with_file_and_line_and_status_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, BAD)
    line = BAD[: BAD.index('"mian"')].count("\n") + 1
    assert main(["check", str(file)]) == 1
    assert f"{file}:{line}: main：出口 0 指向不存在的节点 mian" in capsys.readouterr().out
    assert main(["check", "--json", str(file)]) == 1
    (first, *_) = json.loads(capsys.readouterr().out)
    assert (first["file"], first["line"], first["code"]) == (str(file), line, "exit_nowhere")
    assert first["what"].keys() == first["mend"].keys() == {"zh", "en"}


def test_a_flow_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "12346"]) == 1
    assert "没有流程 12346；现有：12345, direct, standby" in capsys.readouterr().err
    assert main(["check", "nowhere.toml"]) == 1
    assert "nowhere.toml" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [[], ["chekc"], ["load"], ["load", "a.toml", "--undo", "a"], ["run"], ["run", "12345", "--language", "fr"]]
)
def test_wrong_use_is_status_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2


def test_the_list_says_whose_flow_callers_walk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["list"])
    before = capsys.readouterr().out.splitlines()
    assert ["自带" in line for line in before] == [True] * 3 and "来电使用" in before[0]
    assert main(["load", str(written(tmp_path, CHANGED))]) == 0
    capsys.readouterr()
    main(["list"])
    first = capsys.readouterr().out.splitlines()[0]
    assert "本市热线" in first and "本市" in first and "来电使用" in first


def test_a_flow_may_name_the_queues_of_the_settings(tmp_path: Path, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """IVR-27: the queue of a sub-centre, checked against the settings, told with those there are, drawn by its name."""
    north = GOOD.replace('queue = "english"', 'queue = "north"')
    file = written(tmp_path, north)
    line = north[: north.index('"north"')].count("\n") + 1
    assert main(["check", str(file)]) == 1
    said = capsys.readouterr().out
    assert f"{file}:{line}: " in said and "没有队列 north → 使用其中之一：main, english, hotline，" in said
    assert "there is no queue 'north' → use one of main, english, hotline, or add [queues.north] to the settings" in said
    (tmp_path / "empty.toml").write_text("[queues.north]\nsub_centre = 'north'\nchinese_name = '城北分中心'\n", encoding="utf-8")
    assert main(["check", str(file)]) == 0
    assert main(["load", str(file)]) == 0
    assert main(["draw", str(file)]) == 0
    assert "城北分中心" in (state / "flows" / "12345.svg").read_text(encoding="utf-8")
    assert main(["draw", str(file), "--english"]) == 0
    assert ">north<" in (state / "flows" / "12345.svg").read_text(encoding="utf-8")


# --- load -------------------------------------------------------------------------------------------------------------------


def test_a_loaded_flow_is_taken_by_a_running_system_within_two_seconds(tmp_path: Path) -> None:
    running = library.Library(Settings())
    ours = running.current()
    assert main(["load", str(written(tmp_path, CHANGED))]) == 0
    began = clock.monotonic()
    while running.current().identity == ours.identity:
        assert clock.monotonic() - began < 2
    assert running.current().title == "本市热线"
    assert running.version(ours.identity).title == ours.title, "a call that is under way keeps its own"


def test_a_flow_with_a_problem_is_refused_and_nothing_changes(
    tmp_path: Path, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["load", str(written(tmp_path, CHANGED))])
    capsys.readouterr()
    assert main(["load", str(written(tmp_path, BAD))]) == 1
    assert "mian" in capsys.readouterr().err
    assert (state / "flows" / "12345.toml").read_text(encoding="utf-8") == CHANGED


def test_loading_can_be_undone_step_by_step_until_ours_is_in_use_again(tmp_path: Path, state: Path) -> None:
    in_use = state / "flows" / "12345.toml"
    second = CHANGED.replace("本市热线", "第二版")
    for text in (CHANGED, second, second):
        installing.install(written(tmp_path, text), Settings())
    assert main(["load", "--undo", "12345"]) == 0
    assert in_use.read_text(encoding="utf-8") == CHANGED, "the same again is no step"
    assert main(["load", "--back", "12345"]) == 0
    assert not in_use.exists()
    assert main(["load", "--undo", "12345"]) == 0
    assert in_use.read_text(encoding="utf-8") == CHANGED
    assert installing.undo("12345", Settings()) is None
    assert not in_use.exists()
    assert main(["load", "--undo", "12345"]) == 1


def test_only_the_last_ones_are_kept(tmp_path: Path, state: Path) -> None:
    for number in range(installing.KEPT + 5):
        installing.install(written(tmp_path, CHANGED + f"# {number}\n"), Settings())
    assert len(list((state / "flows" / "before").iterdir())) == installing.KEPT
    for number in range(installing.KEPT + 3, 3, -1):
        assert installing.undo("12345", Settings())
        assert (state / "flows" / "12345.toml").read_text(encoding="utf-8").endswith(f"# {number}\n")


def test_what_cannot_be_taken_back_is_said(tmp_path: Path) -> None:
    with pytest.raises(FlowError, match="ours is in use"):
        installing.back("12345")
    installing.install(written(tmp_path, CHANGED, "city"), Settings())
    with pytest.raises(FlowError, match="no flow of ours"):
        installing.back("city")
    for name in ("../12345", "", "A"):
        with pytest.raises(FlowError, match="not the name"):
            installing.undo(name, Settings())


def test_an_older_flow_that_no_longer_passes_the_check_is_not_gone_back_to(tmp_path: Path, state: Path) -> None:
    for text in (CHANGED, GOOD):
        installing.install(written(tmp_path, text), Settings())
    (kept,) = [file for file in (state / "flows" / "before").iterdir() if file.stat().st_size]
    kept.write_text(BAD, encoding="utf-8")
    with pytest.raises(FlowRefused):
        installing.undo("12345", Settings())
    assert (state / "flows" / "12345.toml").read_text(encoding="utf-8") == GOOD


def test_a_name_that_is_not_in_use_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["load", str(written(tmp_path, CHANGED, "city"))]) == 0
    assert "ivr.flow" in capsys.readouterr().out


# --- the library ------------------------------------------------------------------------------------------------------------


def test_a_city_flow_that_is_broken_at_the_start_is_passed_over(state: Path) -> None:
    (state / "flows").mkdir(parents=True)
    written(state / "flows", BAD)
    assert library.Library(Settings()).current().title == "12345 市民服务热线"


def test_a_flow_that_breaks_while_running_leaves_the_old_one_in_use(tmp_path: Path, state: Path) -> None:
    installing.install(written(tmp_path, CHANGED), Settings())
    running = library.Library(Settings())
    written(state / "flows", BAD)
    began = clock.monotonic()
    while clock.monotonic() - began < 1.2:
        assert running.current().title == "本市热线"


def test_a_call_goes_on_with_its_version_in_another_process_after_the_file_has_changed(tmp_path: Path) -> None:
    installing.install(written(tmp_path, CHANGED), Settings())
    identity = library.Library(Settings()).current().identity
    installing.back("12345")
    assert library.Library(Settings()).version(identity).title == "本市热线"


@pytest.mark.parametrize(
    "identity", ["", "12345", "12345@00000000", "../../../etc/passwd", "a/b@00000000", "x@../../y", "12345@0000000\n"]
)
def test_a_version_that_is_nowhere_is_an_error(identity: str) -> None:
    with pytest.raises(FlowError):
        library.Library(Settings()).version(identity)


def test_a_kept_version_that_was_changed_is_not_used(state: Path) -> None:
    identity = library.Library(Settings()).current().identity
    kept = state / "flows" / "versions" / f"{identity}.toml"
    kept.write_text(CHANGED, encoding="utf-8")
    with pytest.raises(FlowError, match="has changed"):
        library.Library(Settings(ivr=Ivr(flow="direct"))).version(identity)


def test_a_flow_that_nobody_has_is_an_error() -> None:
    with pytest.raises(FlowError, match="there is no flow 'nowhere'"):
        library.Library(Settings(ivr=Ivr(flow="nowhere")))


# --- run --------------------------------------------------------------------------------------------------------------------


def test_a_call_is_tried_with_keys_and_shows_what_is_heard(capsys: pytest.CaptureFixture[str]) -> None:
    keys = ["2", "2", "202603010001", "hangup"]
    look = ["--look", "caller=not_found", "--look", "ticket=found,state=ticket-state-handling"]
    assert main(["run", "12345", "--at", "2026-10-01T09:00", *look, "--keys", *keys]) == 0
    said = capsys.readouterr().out
    assert "祝您节日快乐" in said and "step self-service:2" in said and "look ticket number=202603010001" in said


def test_the_end_of_the_input_is_a_hang_up(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lines = iter(["", "1"])

    def type_line(_: str) -> str:
        try:
            return next(lines)
        except StopIteration as end:
            raise EOFError from end

    monkeypatch.setattr("builtins.input", type_line)
    assert main(["run", "12345", "--at", "2026-03-03T10:00"]) == 0
    assert "give agents" not in capsys.readouterr().out


def test_a_call_in_english_is_shown_in_english(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "12345", "--language", "en", "--look", "caller=not_found", "--keys", "hangup", "--unattended"]) == 0
    assert "press 1" in capsys.readouterr().out


def test_a_call_is_recorded_and_replayed_and_a_change_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = tmp_path / "12345.x.json"
    common = ["run", "12345", "--case", str(case)]
    assert main([*common, "--at", "2026-03-03T10:00", "--keys", "not_found", "1", "not_found", "FULL", "saved", ""]) == 0
    assert main(common) == 0
    content = json.loads(case.read_text(encoding="utf-8"))
    assert content["events"] == ["not_found", "1", "not_found", "FULL", "saved", ""]
    content["expected"][-1] = "give agents"
    case.write_text(json.dumps(content), encoding="utf-8")
    capsys.readouterr()
    assert main(common) == 1
    assert "-give agents\n+give hangup" in capsys.readouterr().out
    assert main([*common, "--renew"]) == 0
    assert main(common) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--at", "tomorrow"],
        ["--at", "2026-99-01"],
        ["--entry", "nowhere"],
        ["--look", "caller=found", "--keys", "77"],
    ],
)
def test_what_cannot_be_tried_is_one_line_and_status_one(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "12345", *arguments]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_case_that_is_no_case_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case = tmp_path / "x.json"
    for content in (b"{", b"[]", b'{"at": 1}', msgspec.json.encode({"at": "2026-03-03T10:00", "evnts": []})):
        case.write_bytes(content)
        assert main(["run", "12345", "--case", str(case)]) == 1
        assert str(case) in capsys.readouterr().err


# --- draw and prompts -------------------------------------------------------------------------------------------------------


def test_a_diagram_is_written(state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["draw", "12345"]) == 0
    assert (state / "flows" / "12345.svg").read_text(encoding="utf-8").startswith("<svg")
    assert main(["draw", str(written(tmp_path, BAD)), "--english", "--output", str(tmp_path / "a.svg")]) == 1
    said = capsys.readouterr()
    assert "mian" in said.err and (tmp_path / "a.svg").exists(), "a flow with problems is drawn all the same"


def test_the_prompts_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    main(["prompts", "--json"])
    assert {"zh", "en"} == {line["language"] for line in json.loads(capsys.readouterr().out)}


def test_what_is_kept_for_calls_in_progress_is_what_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file changes between the check and the copy: the kept version is still the one whose name it has."""
    city = library.city_flows() / "12345.toml"
    city.parent.mkdir(parents=True, exist_ok=True)
    text = (library.OURS / "12345.toml").read_text()
    city.write_text(text)

    def changed_meanwhile(*arguments: Any) -> Any:
        city.write_text(f"{text}\n# changed meanwhile\n")
        return check(*arguments)

    monkeypatch.setattr("ivr_flows.library.check", changed_meanwhile)
    library.Library(Settings())
    (kept,) = (library.city_flows() / "versions").iterdir()
    assert kept.stem == library.load(kept).identity
    assert kept.read_text() == text
