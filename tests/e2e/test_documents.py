"""The documents tell the truth: every command in them is run as it stands, every setting is there, every link leads."""

from __future__ import annotations

import http.cookiejar
import json
import os
import re
import shlex
import signal
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ami_bridge import codec
from hotline import messages, paths
from hotline.settings import DAYS, FurtherQueue, Settings
from tests import small_flow, trial
from tests.trial import Trial, wait_until

ENGLISH, CHINESE = "README.md", "README.zh-CN.md"
FLOWS = ("docs/flows.md", "docs/flows.zh-CN.md")
SUPERVISOR = ("docs/supervisor.md", "docs/supervisor.zh-CN.md")
PAIRS = [(ENGLISH, CHINESE), ("docs/operator.md", "docs/operator.zh-CN.md"), SUPERVISOR, FLOWS]
FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def text(name: str) -> str:
    """One document."""
    return (paths.TREE / name).read_text(encoding="utf-8")


def commands(name: str) -> list[str]:
    """The command lines of a document, in order; a comment is none."""
    lines = [line.strip() for language, block in FENCE.findall(text(name)) if language == "sh" for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


ALL = sorted({command for pair in PAIRS for name in pair for command in commands(name)})


# --- running them -----------------------------------------------------------------------------------------------------------


class Desk:
    """A terminal in a checkout of links, so that what a command leaves in its folder is not left in the tree."""

    def __init__(self, folder: Path, stack: Trial) -> None:
        self.folder, self.stack = folder, stack
        folder.mkdir()
        for entry in paths.TREE.iterdir():
            if entry.name not in ("var", "hotline.toml"):
                (folder / entry.name).symlink_to(entry)
        (folder / "var").symlink_to(stack.var)
        self.agents: subprocess.Popen[str] | None = None

    def type(self, command: str) -> subprocess.Popen[str]:
        """Start a line as the shell does."""
        return subprocess.Popen(
            ["sh", "-c", f"exec {command}"],
            cwd=self.folder,
            env=os.environ | self.stack.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def run(self, command: str) -> str:
        """To its end, which must be a good one; returns what it printed."""
        with self.type(command) as process:
            said, errors = process.communicate(timeout=120)
        assert process.returncode == 0, f"{command}: {process.returncode}\n{said}\n{errors}\n{self.stack.logs()}"
        return said

    def would_run(self, command: str) -> list[str]:
        """What make would do for it."""
        return self.run(f"{command} -n").splitlines()

    def close(self) -> None:
        """Ctrl-C in the agents' terminal."""
        if self.agents:
            self.agents.send_signal(signal.SIGINT)
            said, errors = self.agents.communicate(timeout=30)
            assert (self.agents.returncode, errors) == (0, ""), said + errors
            self.agents = None


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A started stack with the settings of a new user, and a terminal beside it."""
    folder = tmp_path_factory.mktemp("new user")
    with trial.running(folder / "stack") as stack:
        found = Desk(folder / "checkout", stack)
        yield found
        found.close()


def _make_run(desk: Desk, command: str) -> None:
    assert desk.would_run(command)[-2:] == [
        desk.would_run("make setup")[-1],
        "exec .venv/bin/python -m hotline up",
    ], "what the tests of this tier start"


def _make_test(desk: Desk, command: str) -> None:
    steps = desk.would_run(command)
    assert [step.removeprefix(".venv/bin/").removeprefix("python -m ") for step in steps[-5:]] == [
        "ruff check .",
        "ruff format --check .",
        "mypy",
        "lint-imports",
        "pytest -n 3 --dist loadfile --no-loadscope-reorder",
    ]
    assert text(".ci/run").splitlines()[-1] == "exec make test"


def _agents(desk: Desk, command: str) -> None:
    desk.agents = desk.type(command)
    assert desk.agents.stdout
    count = command.rpartition(" ")[2]
    assert desk.agents.stdout.readline().startswith(f"{count} 个坐席已注册")


def _call(desk: Desk, command: str) -> None:
    """With the agents of the line before: everybody is answered by one, and every conversation is recorded."""
    if desk.agents is None:
        _agents(desk, next(line for line in commands(ENGLISH) if " agents " in line))
    count = int(command.partition("--count ")[2].split()[0])
    before = len(list((desk.stack.var / "recordings").glob("20??/*/*/*.wav")))
    said = desk.run(command)
    for key, number in (("phones.calls", count), ("phones.answered_by_agent", count), ("phones.failed", 0)):
        assert f"{messages.text(key)}: {number}\n" in said
    recordings = desk.stack.var / "recordings"
    wait_until(lambda: len(list(recordings.glob("20??/*/*/*.wav"))) == before + count, what="a recording of each call, by day")


def _status(desk: Desk, command: str) -> None:
    assert len(desk.run(command).splitlines()) == 8
    assert json.loads(desk.run(f"{command} --json"))["healthy"] is True


def _doctor(desk: Desk, command: str) -> None:
    assert desk.run(command).strip() == messages.text("doctor.ok")
    assert json.loads(desk.run(f"{command} --json")) == {"findings": [], "warnings": []}


def _record(desk: Desk, command: str) -> None:
    file = desk.folder / command.rpartition(" ")[2]
    file.unlink(missing_ok=True)
    with desk.type(command) as process:
        try:
            wait_until(lambda: file.exists() and b"Response: Success" in file.read_bytes(), what="the recorder is logged in")
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=20)
    assert process.returncode == 0
    decoder = codec.Decoder()
    decoder.feed(file.read_bytes())
    assert decoder.counts.junk == 0


def _replay(desk: Desk, command: str) -> None:
    """Of a recording of one call; what the figures are in the tables of the bridge, they are there."""
    file = desk.folder / command.rpartition(" ")[2]
    file.unlink(missing_ok=True)
    with desk.type(f"{PYTHON} ami_bridge record {file.name}") as process:
        wait_until(lambda: file.exists() and b"Response: Success" in file.read_bytes(), what="the recorder is logged in")
        desk.run(f"{PYTHON} hotline call --count 1 --rate 1 --keys 1")
        wait_until(lambda: b"Event: Hangup\r\n" in file.read_bytes(), what="the call is recorded to its end")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert "1 calls, 1 requests" in desk.run(command)
    found = json.loads(desk.run(f"{command} --json"))
    assert (found["calls"], found["requests"]["total"], found["gaps"], found["warnings"]) == (1, 1, [], [])


def _replay_journal(desk: Desk, command: str) -> None:
    """The figures of what was called so far."""
    assert messages.text("outcome.answered") in desk.run(command)
    found = json.loads(desk.run(f"{command} --json"))
    assert found["requests"]["answered"] >= 10 and len(found["lines"]) == found["requests"]["total"]


def _compare(desk: Desk, command: str) -> None:
    """The running Asterisk tells its counters, and they are what the calls say that they should be."""
    assert "Completed" in desk.run(command)
    found = json.loads(desk.run(f"{command} --json"))
    assert found["counters_from"] == "asterisk"
    unexplained = [(one["unexplained"]["completed"], one["unexplained"]["abandoned"]) for one in found["queues"]]
    assert unexplained == [(0, 0)] * len(unexplained) != []


def _flow_copied(desk: Desk, command: str) -> None:
    """And changed, as the document says."""
    desk.run(command)
    file = desk.folder / command.rpartition(" ")[2]
    file.write_text(small_flow.edited(file.read_text(encoding="utf-8"), text(FLOWS[0])), encoding="utf-8")


def _flow_checked(desk: Desk, command: str) -> None:
    assert re.search(r"^12345@[0-9a-f]{8} 没有问题", desk.run(command))


def _flow_drawn(desk: Desk, command: str) -> None:
    desk.run(command)
    assert "opening" in (desk.folder / command.rpartition(" ")[2]).read_text(encoding="utf-8")


def _flow_tried(desk: Desk, command: str) -> None:
    assert "step main:7" in desk.run(command)


def _flow_loaded(desk: Desk, command: str) -> None:
    """The running system takes it for the next call, without a restart."""
    identity = _identity(desk.run(command))
    log = desk.stack.var / "log" / "agi.log"
    desk.run(f"{PYTHON} hotline call --count 1 --rate 1 --keys 1")
    wait_until(lambda: f"flow={identity}" in log.read_text() or f'"{identity}"' in log.read_text(), what="the flow is in use")


def _identity(said: str) -> str:
    match = re.search(r"\b12345@[0-9a-f]{8}\b", said)
    assert match, said
    return match[0]


def _flow_undone(desk: Desk, command: str) -> None:
    assert "自带" in desk.run(command)
    assert not (desk.stack.var / "flows" / "12345.toml").exists()


def _flow_ours(desk: Desk, command: str) -> None:
    desk.run(next(line for line in commands(FLOWS[0]) if " load 12345.toml" in line))
    _flow_undone(desk, command)


def _flows_listed(desk: Desk, command: str) -> None:
    assert len(desk.run(command).splitlines()) == 3


def _prompts_listed(desk: Desk, command: str) -> None:
    assert "welcome" in desk.run(command)


def _case(desk: Desk, command: str) -> None:
    assert desk.run(command).splitlines()[-1] == "give hangup"


def _asked(desk: Desk, command: str) -> Any:
    """What curl would get, which is not on every machine: the options that we use, cookies in its format, good answers only."""
    _, *words, address = shlex.split(command)
    options = dict(zip(words[::2], words[1::2], strict=True))
    assert options.keys() <= {"-b", "-c", "-d"}
    cookies = http.cookiejar.MozillaCookieJar(desk.folder / options.get("-b", options.get("-c", "")))
    if "-b" in options:
        cookies.load(ignore_discard=True)
    body = options.get("-d", "").encode()
    body = (desk.folder / body[1:].decode()).read_bytes() if body.startswith(b"@") else body
    there = f"http://{Settings().web.host}:{Settings().web.port}/"
    assert address.startswith(there)
    here = address.replace(there, f"http://{desk.stack.settings.web.host}:{desk.stack.settings.web.port}/")
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies), urllib.request.ProxyHandler({}))
    with browser.open(here, data=body or None, timeout=20) as answer:
        said = json.load(answer)
    if "-c" in options:
        cookies.save(ignore_discard=True)
    return said


def _logged_in(desk: Desk, command: str) -> None:
    """With the file that the document tells to make."""
    login = {"username": "leader", "password": desk.stack.credentials.web["leader"]}
    assert f"`{json.dumps(login | {'password': '…'}, ensure_ascii=False)}`" in text(SUPERVISOR[0])
    (desk.folder / "login.json").write_text(json.dumps(login))
    assert _asked(desk, command)["role"] == "shift_leader"


def _live(desk: Desk, command: str) -> None:
    said = _asked(desk, command)["set"]
    assert {key.rpartition("/")[0] for key in said["figures"]} == {
        f"{window}/{view}" for window in ("today", "15min") for view in ("whole", "queue:hotline")
    }
    assert said["source"]["database"]["state"] == "live"
    assert {"raw", "net", "gap", "conserved", "repaired"} <= said["requests"]["today/whole"].keys()


def _days(desk: Desk, command: str) -> None:
    assert len(_asked(desk, command)["parts"]) == 31


def _pages(desk: Desk, command: str) -> None:
    """Lines or calls of a day on which nobody called, or alarms of which there is none."""
    said = _asked(desk, command)
    assert said.get("next") is None
    assert [said[name] for name in ("lines", "calls", "alarms") if name in said] == [[]]


def _proposed(desk: Desk, command: str) -> None:
    assert _asked(desk, command)["exclusion_id"]


def _proposals(desk: Desk, command: str) -> None:
    (one,) = _asked(desk, command)["exclusions"]
    assert (one["person"], one["reason"], one["note"], one["confirmed_by"]) == ("leader", "sudden_event", "暴雨", None)


def _opened(desk: Desk, command: str) -> None:
    made = _asked(desk, command)
    assert (made["number"][0], made["state"], made["version"]) == ("T", "draft", 1)


def _tickets(desk: Desk, command: str) -> None:
    (one,) = _asked(desk, command)["tickets"]
    assert (one["state"], one["category"], "路灯三天不亮" in one["piece"]) == ("draft", "C1.03", True)


def _down(desk: Desk, command: str) -> None:
    desk.close()
    assert desk.run(command).strip() == messages.text("up.stopped")
    assert desk.stack.process
    desk.stack.process.wait(timeout=20)


PYTHON = ".venv/bin/python -m"
WEB = "http://127.0.0.1:8080/api"
FIRST_OF_JULY, JULY = "from=2026-07-01&to=2026-07-01", "from=2026-07-01&to=2026-07-31"
PROPOSAL = '{"from": "2026-07-01T14:00:00+08:00", "to": "2026-07-01T15:30:00+08:00", "reason": "sudden_event", "note": "暴雨"}'
TICKET = '{"content": "幸福路12号门前路灯三天不亮，请尽快维修", "nature": "help", "category": "C1.03"}'
KNOWN: dict[str, Callable[[Desk, str], None]] = {
    "make run": _make_run,
    "make test": _make_test,
    f"{PYTHON} hotline agents --count 10": _agents,
    f"{PYTHON} hotline call --count 10 --rate 2 --keys 1": _call,
    f"{PYTHON} hotline status": _status,
    f"{PYTHON} hotline doctor": _doctor,
    f"{PYTHON} ami_bridge record trace.ami": _record,
    f"{PYTHON} ami_bridge replay var/journal/node1": _replay_journal,
    f"{PYTHON} ami_bridge replay trace.ami": _replay,
    f"{PYTHON} ami_bridge compare": _compare,
    f"curl -c session -d @login.json {WEB}/login": _logged_in,
    f'curl -b session "{WEB}/live?windows=today,15min&views=whole,queue:hotline"': _live,
    f'curl -b session "{WEB}/metrics?{JULY}&by=day"': _days,
    f'curl -b session "{WEB}/metrics/lines?{FIRST_OF_JULY}&rate=connection_rate&part=counted_in_denominator"': _pages,
    f'curl -b session "{WEB}/calls?{FIRST_OF_JULY}&outcome=abandoned"': _pages,
    f"curl -b session {WEB}/alarms": _pages,
    f"curl -b session -d '{PROPOSAL}' {WEB}/exclusions": _proposed,
    f'curl -b session "{WEB}/exclusions?{JULY}"': _proposals,
    f"curl -b session -d '{TICKET}' {WEB}/tickets": _opened,
    f"curl -b session {WEB}/tickets": _tickets,
    "cp ivr_flows/flows/12345.toml 12345.toml": _flow_copied,
    f"{PYTHON} ivr_flows check 12345.toml": _flow_checked,
    f"{PYTHON} ivr_flows draw 12345.toml --output 12345.svg": _flow_drawn,
    f"{PYTHON} ivr_flows run 12345.toml --at 2026-10-01T09:00 --look caller=not_found --keys 7 hangup": _flow_tried,
    f"{PYTHON} ivr_flows load 12345.toml": _flow_loaded,
    f"{PYTHON} ivr_flows load --undo 12345": _flow_undone,
    f"{PYTHON} ivr_flows load --back 12345": _flow_ours,
    f"{PYTHON} ivr_flows list": _flows_listed,
    f"{PYTHON} ivr_flows prompts": _prompts_listed,
    f"{PYTHON} ivr_flows run 12345 --case tests/flows/12345.agent.json": _case,
    f"{PYTHON} hotline down": _down,
}
"""Every command of the documents to what a person who types it may expect; the order is that of a first day."""


@pytest.mark.parametrize("command", KNOWN)
def test_a_command_of_the_documents_does_what_it_says(desk: Desk, command: str) -> None:
    assert command in ALL, "a command that no document has any more"
    KNOWN[command](desk, command)


def test_every_command_of_the_documents_is_run_by_a_test() -> None:
    assert [command for command in ALL if command not in KNOWN] == []
    languages = {language for pair in PAIRS for name in pair for language, _ in FENCE.findall(text(name))}
    assert languages == {"sh", "toml"}, "a command in another block would not be run"


def test_the_options_that_the_readme_names_exist(desk: Desk) -> None:
    shown = desk.run(f"{PYTHON} hotline call --help")
    named = set(re.findall(r"`(--[\w-]+)", text(ENGLISH))) - {"--json"}
    assert named >= {"--speech", "--help"}
    assert {option for option in named if option not in shown} == set()
    for command in ("up", "down", "status", "doctor"):
        assert "--json" in desk.run(f"{PYTHON} hotline {command} --help")


# --- the texts --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("english", "chinese"), PAIRS)
def test_both_languages_have_the_same_commands_chapters_and_tables(english: str, chinese: str) -> None:
    assert commands(english) == commands(chinese) != []
    for pattern in (r"^#+ ", r"^\| `[^`]+` ", r"^- \*\*"):
        ours, theirs = (re.findall(pattern, text(name), re.MULTILINE) for name in (english, chinese))
        assert len(ours) == len(theirs), pattern
    for name, other in ((english, chinese), (chinese, english)):
        assert f"({Path(other).name})" in text(name), "each leads to the other"


def test_links_between_the_documents_lead_somewhere() -> None:
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=paths.TREE, capture_output=True, text=True, check=True).stdout
    missing = []
    for name in listed.splitlines():
        for target in re.findall(r"\]\(([^)\s]+)\)", text(name)):
            place, _, _ = target.partition("#")
            if place and "://" not in place and not ((paths.TREE / name).parent / place).exists():
                missing.append(f"{name}: {target}")
    assert missing == []


def test_files_and_folders_of_the_tree_that_the_documents_name_exist() -> None:
    named = {
        place
        for pair in PAIRS
        for name in (*pair, "docs/settings.md")
        for place in re.findall(r"`((?:docs|ivr_flows|asterisk-conf|hotline|tests)(?:/[\w./-]*)?)`", text(name))
    } - {"hotline.toml"}
    assert {place for place in named if not (paths.TREE / place).exists()} == set()


def defaults() -> dict[str, object]:
    """Every key of the settings, in order, with its default as plain data."""
    found: dict[str, object] = {}
    tables = json.loads(msgspec.json.encode(Settings()))
    further = json.loads(msgspec.json.encode(FurtherQueue()))
    del further["hours"]  # a table, with the keys of [hours]
    for table, values in tables.items():
        name, its = ("queues.NAME", further) if table == "queues" else (table, values)
        for key, value in its.items():
            found[f"{name}.{key}"] = value
    return found


def test_the_table_of_settings_has_exactly_the_keys_and_defaults_in_force() -> None:
    rows = re.findall(r"^\| (.+?) \| `(.*?)` \| (.+?) \| (.+?) \|$", text("docs/settings.md"), re.MULTILINE)
    listed: dict[str, object] = {}
    for key, value, chinese, english in rows:
        names = re.findall(r"`([\w.]+)`", key)
        if names == ["hours.monday", "hours.sunday"]:
            names = [f"hours.{day}" for day in DAYS]
        for name in names:
            assert name not in listed, f"{name} stands there twice"
            listed[name] = json.loads(value)
        assert chinese.strip() and english.strip()
    assert list(listed.items()) == list(defaults().items())


def test_the_addresses_that_the_readmes_name_are_the_defaults() -> None:
    settings = Settings()
    for name in (ENGLISH, CHINESE):
        told = text(name)
        assert f"{settings.asterisk.sip_address}:{settings.asterisk.sip_port}" in told
        assert settings.trunks.citizen_address in told and settings.trunks.hotline_number in told
        assert f"`{settings.agents.first}`" in told and f"`{settings.agents.last}`" in told


def test_the_operators_table_has_exactly_the_parts_of_the_stack(desk: Desk) -> None:
    chapter = text("docs/operator.md").partition("## What runs")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `(\w+)` \|", chapter, re.MULTILINE)
    logs = {file.stem for file in (desk.stack.var / "log").glob("*.log")}
    assert set(listed) == logs and len(listed) == 8
