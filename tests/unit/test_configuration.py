"""What is rendered into Asterisk's folder: every template, with usual and unusual settings, and what may never stand in it."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from ami_bridge.facts import WANTED
from hotline.asterisk import configuration
from hotline.asterisk.configuration import Folders
from hotline.asterisk.installation import Installation
from hotline.credentials import AmiUser, Credentials
from hotline.errors import SettingsError
from hotline.settings import Settings, parse

UNUSUAL: dict[str, dict[str, object]] = {
    "asterisk": {
        "node": "N-2_b",
        "sip_address": "::1",
        "sip_port": 65535,
        "http_address": "::1",
        "rtp_first": 1,
        "rtp_last": 65535,
    },
    "trunks": {"citizen_address": "2001:db8::2", "unit_address": "::1", "unit_port": 1, "hotline_number": "0755123450000000000"},
    "agents": {"first": 100, "last": 100},
    "queue": {"name": "Q", "wait_seconds": 86400, "wrapup_seconds": 0, "max_waiting": 100000},
    "hours": {"monday": [], "closed_dates": ["2026-10-01"]},
    "agi": {"host": "::1", "port": 1, "processes": 64},
    "ami": {"host": "::1", "port": 2},
    "database": {"dsn": "postgresql://u:p%3B@[::1]/x?options=-c;[a]"},
}
Rendered = Callable[..., Folders]
Sections = list[tuple[str, list[tuple[str, str]]]]


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    """A folder with every module of the list, as an Asterisk has it."""
    folder = tmp_path / "modules"
    folder.mkdir()
    for name in re.findall(r"^(?:load|require) = (\S+)", (configuration.TEMPLATES / "modules.conf").read_text(), re.MULTILINE):
        (folder / name).touch()
    return folder


@pytest.fixture
def render(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, modules: Path) -> Rendered:
    """Renders into ``a var`` below the test's folder; a permissive umask must not matter."""
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path / "a var"))
    before = os.umask(0)
    os.umask(before)

    def rendered(
        settings: Settings | None = None, secrets: Credentials | None = None, version: tuple[int, ...] = (22, 10, 0)
    ) -> Folders:
        chosen = settings or Settings()
        installed = Installation(("asterisk",), modules, tmp_path, version)
        os.umask(0)
        try:
            return configuration.render(chosen, secrets or credentials(chosen), installed)
        finally:
            os.umask(before)

    return rendered


def credentials(settings: Settings, **changed: object) -> Credentials:
    """Secrets of the usual form."""
    secrets = Credentials(
        ami=AmiUser("hotline", "bridge-secret"),
        ami_reader=AmiUser("reader", "reader-secret"),
        agents={agent: f"s{agent}" for agent in settings.agents.numbers()},
        web={},
        database="",
        database_owner="",
    )
    return msgspec.structs.replace(secrets, **changed)


def sections(file: Path) -> Sections:
    """An Asterisk file as it reads it: section headers in order, each with its ``name = value`` lines."""
    found: Sections = [("", [])]
    for raw in file.read_text(encoding="utf-8").splitlines():
        line = raw.partition(";")[0].strip()
        if line.startswith("["):
            found.append((line.partition("]")[0][1:], []))
        elif line and not line.startswith("#include "):
            name, separator, value = line.partition("=")
            assert separator, f"{file.name}: not a setting: {raw!r}"
            found[-1][1].append((name.strip(), value.removeprefix(">").strip()))
    return found


def section(file: Path, name: str) -> dict[str, list[str]]:
    """The values of one section by name."""
    values: dict[str, list[str]] = {}
    for title, lines in sections(file):
        if title == name:
            for key, value in lines:
                values.setdefault(key, []).append(value)
    return values


def test_every_template_renders_with_the_defaults(render: Rendered) -> None:
    dirs = render()
    expected = {one.name.removesuffix(".j2") for one in configuration.TEMPLATES.iterdir() if one.suffix != ".jinja"}
    assert {file.name for file in dirs.etc.iterdir()} == expected
    for file in dirs.etc.iterdir():
        text = file.read_text()
        assert "{{" not in text and "{%" not in text, file.name
        sections(file)


def test_every_template_renders_with_unusual_settings(render: Rendered) -> None:
    dirs = render(parse(UNUSUAL, source="test"))
    pjsip = (dirs.etc / "pjsip.conf").read_text()
    assert "bind = [::1]:65535" in pjsip
    assert "contact = sip:[::1]:1" in pjsip
    assert "match = 2001:db8::2" in pjsip
    assert "FASTAGI = agi://[::1]:1\n" in (dirs.etc / "extensions.conf").read_text()
    assert section(dirs.etc / "http.conf", "general")["bindaddr"] == ["::1"]
    assert section(dirs.etc / "rtp.conf", "general") == {"rtpstart": ["1"], "rtpend": ["65535"], "strictrtp": ["yes"]}
    assert {"Q", "Q.100"} <= {title for title, _ in sections(dirs.etc / "queues.conf")}


def test_rendering_again_changes_nothing(render: Rendered) -> None:
    dirs = render()
    before = {file: file.read_bytes() for file in dirs.etc.iterdir()}
    assert render() == dirs
    assert {file: file.read_bytes() for file in dirs.etc.iterdir()} == before


def test_files_are_for_their_owner_alone(render: Rendered, tmp_path: Path) -> None:
    dirs = render()
    var = tmp_path / "a var"
    folders = [folder for folder in var.rglob("*") if folder.is_dir() and not folder.is_symlink()]
    assert {
        str(folder.relative_to(var)): folder.stat().st_mode & 0o777 for folder in folders if folder.stat().st_mode & 0o077
    } == {}
    files = [file for file in var.rglob("*") if file.is_file()]
    modes = {str(file.relative_to(var)): oct(file.stat().st_mode & 0o777) for file in files}
    assert modes.pop("asterisk/agi-bin/standby") == modes.pop("asterisk/agi-bin/fax-result") == "0o700"
    assert set(modes.values()) == {"0o600"}, modes
    assert dirs.etc in folders


def test_a_file_that_was_open_to_others_is_closed_again(render: Rendered) -> None:
    dirs = render()
    (dirs.etc / "manager.conf").chmod(0o666)
    dirs.etc.chmod(0o777)
    render()
    assert (dirs.etc / "manager.conf").stat().st_mode & 0o777 == 0o600
    assert dirs.etc.stat().st_mode & 0o777 == 0o700


BREAKING = ["a\nb", "a\rb", "a;b", "a[b", "a]b", "a\x00b", "a\x7fb", "\n[evil]\nsecret = x"]


@pytest.mark.parametrize("value", BREAKING)
def test_a_setting_that_got_past_the_settings_is_refused_by_name(render: Rendered, value: str) -> None:
    settings = msgspec.structs.replace(Settings(), queue=msgspec.structs.replace(Settings().queue, name=value))
    with pytest.raises(SettingsError) as raised:
        render(settings)
    assert "settings.queue.name" in str(raised.value)
    assert repr(value) in str(raised.value)
    assert ".conf:" in str(raised.value), "the file is named too"


@pytest.mark.parametrize("value", BREAKING)
@pytest.mark.parametrize(
    ("change", "name", "file"),
    [
        (lambda v: {"ami": AmiUser("hotline", v)}, "credentials.ami.secret", "manager.conf"),
        (lambda v: {"ami_reader": AmiUser(v, "x")}, "credentials.ami_reader.user", "manager.conf"),
        (lambda v: {"agents": credentials(Settings()).agents | {"1007": v}}, "credentials.agents.1007", "pjsip.conf"),
    ],
)
def test_a_secret_that_would_break_a_file_is_refused_by_name_and_not_shown(
    render: Rendered, value: str, change: Callable[[str], dict[str, object]], name: str, file: str
) -> None:
    with pytest.raises(SettingsError) as raised:
        render(secrets=credentials(Settings(), **change(value)))
    assert str(raised.value).startswith(f"{file}: {name} may not stand")
    assert value not in str(raised.value).replace("a ", "")


@pytest.mark.parametrize("name", ["a;b", "a[b", "a]b", "a\nb", "a{b", "a}b", "a*b", "a&b", "a\\b", "a\udcffb"])
def test_a_state_folder_that_asterisk_cannot_name_is_refused(
    render: Rendered, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """Some would break a file; others stand for something else where Asterisk looks for files by pattern."""
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path / name))
    with pytest.raises(SettingsError) as raised:
        render()
    assert str(tmp_path / name) in str(raised.value)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["a, b", "it's", 'a"b', "中文", "$(x)", "%s", "#x", "a?b", "~a", "a:b", "a=>b"])
def test_other_characters_may_stand_in_a_path(
    render: Rendered, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path / name))
    dirs = render()
    assert section(dirs.etc / "asterisk.conf", "directories")["astetcdir"] == [str(tmp_path / name / "asterisk" / "etc")]


def test_a_path_of_the_installation_that_would_break_a_file_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path / "var"))
    odd = tmp_path / "a;b"
    odd.mkdir()
    with pytest.raises(SettingsError, match=r"^asterisk\.conf: dirs\.modules ") as raised:
        configuration.render(Settings(), credentials(Settings()), Installation(("asterisk",), odd, tmp_path, (22, 10)))
    assert repr(str(odd)) in str(raised.value)


def test_what_no_template_prints_may_hold_anything(render: Rendered) -> None:
    settings = parse({"database": {"dsn": "postgresql://u:p@[::1]/x;y"}}, source="test")
    render(settings, credentials(settings, database="postgresql://[;]", web={"admin": "[;\n]"}))


def test_modules_that_this_asterisk_lacks_are_left_out(render: Rendered, modules: Path) -> None:
    (modules / "codec_opus_open_source.so").unlink()
    (modules / "res_cdrel_custom.so").unlink()
    (modules / "app_queue.so").unlink()
    lines = section(render().etc / "modules.conf", "modules")
    assert "codec_opus_open_source.so" not in lines["load"]
    assert "res_cdrel_custom.so" not in lines["load"]
    assert "codec_alaw.so" in lines["load"]
    assert "app_queue.so" in lines["require"], "without it nothing works: Asterisk shall say so"
    assert lines["autoload"] == ["no"]


def test_no_module_is_named_twice() -> None:
    names = re.findall(r"^(?:load|require) = (\S+)", (configuration.TEMPLATES / "modules.conf").read_text(), re.MULTILINE)
    assert len(names) == len(set(names)) > 40


def test_the_bridge_is_sent_what_it_reads_and_nothing_else(render: Rendered) -> None:
    file = render().etc / "manager.conf"
    text = file.read_text()
    assert tuple(re.findall(r"^eventfilter\(action\(include\),name\((\w+)\)\) =$", text, re.MULTILINE)) == WANTED


def test_older_asterisks_get_one_expression_of_the_same_events(render: Rendered) -> None:
    file = render(version=(20, 6, 0)).etc / "manager.conf"
    (own,) = section(file, "hotline")["eventfilter"]
    names = re.search(r"\(([\w|]+)\)", file.read_text().partition("eventfilter")[2])
    assert names and tuple(names[1].split("|")) == WANTED
    assert own.startswith("^Event: (")
    assert "eventfilter(" not in file.read_text()


@pytest.mark.parametrize(
    ("version", "newer"),
    [
        ((20, 6, 0), False),
        ((20, 10, 9), False),
        ((20, 11, 0), True),
        ((21, 5), False),
        ((21, 6), True),
        ((22, 0, 0), False),
        ((22, 1, 0), True),
        ((22,), False),
        ((23, 0, 0), True),
        ((24, 0), True),
    ],
)
def test_the_syntax_of_event_filters_follows_the_version(version: tuple[int, ...], newer: bool) -> None:
    assert Installation((), Path(), Path(), version).newer_event_filters() is newer


def test_manager_users_may_do_what_they_need_and_no_more(render: Rendered) -> None:
    """Neither may run commands, read or write files, change the configuration or the dialplan, or reach the system."""
    file = render().etc / "manager.conf"
    assert [title for title, _ in sections(file)] == ["", "general", "hotline", "reader"]
    bridge, reader = section(file, "hotline"), section(file, "reader")
    assert set(bridge["read"][0].split(",")) == {"system", "call", "agent", "user"}
    assert set(bridge["write"][0].split(",")) == {"call", "agent", "originate", "reporting"}
    assert set(reader["read"][0].split(",")) == {"system", "call", "agent", "user"}
    assert reader["write"] == ["none"]
    for user in (bridge, reader):
        assert user["deny"] == ["0.0.0.0/0.0.0.0", "::/0"]
        assert user["permit"] == ["127.0.0.1/255.255.255.255", "127.0.0.1"]
    general = section(file, "general")
    assert general["webenabled"] == ["no"]
    assert general["timestampevents"] == ["yes"]


def test_the_bridge_is_let_in_from_the_address_that_the_manager_interface_has(render: Rendered) -> None:
    file = render(parse({"ami": {"host": "192.0.2.7"}}, source="test")).etc / "manager.conf"
    assert section(file, "general")["bindaddr"] == ["192.0.2.7"]
    assert "192.0.2.7" in section(file, "hotline")["permit"]


def test_a_path_with_a_space_stands_as_it_is(render: Rendered, tmp_path: Path) -> None:
    dirs = render()
    assert section(dirs.etc / "asterisk.conf", "directories")["astspooldir"] == [str(tmp_path / "a var" / "asterisk" / "spool")]
    assert (dirs.spool / "monitor").resolve() == tmp_path / "a var" / "recordings" / "spool"
    assert str(dirs.agi / "standby.json") in (dirs.agi / "standby").read_text()


def test_a_path_that_is_too_long_for_a_socket_moves_only_the_socket(
    render: Rendered, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    monkeypatch.setenv("HOTLINE_VAR", str(deep))
    dirs = render()
    try:
        assert len(str(dirs.control_socket())) < 100
        assert dirs.run.parent == Path(tempfile.gettempdir())
        assert dirs.run.stat().st_mode & 0o777 == 0o700
        assert dirs.etc.is_relative_to(deep)
        assert render() == dirs, "and to the same place each time"
        dirs.run.rmdir()
        dirs.run.symlink_to(tmp_path)
        with pytest.raises(SettingsError, match="link"):
            render()
    finally:
        dirs.run.unlink() if dirs.run.is_symlink() else shutil.rmtree(dirs.run)


def test_two_state_folders_that_are_too_long_do_not_share_a_socket(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, modules: Path
) -> None:
    installed = Installation(("asterisk",), modules, tmp_path, (22, 10))
    runs = []
    for last in "ab":
        monkeypatch.setenv("HOTLINE_VAR", str(tmp_path / ("d" * 90) / last))
        runs.append(configuration.folders(installed).run)
    assert len(set(runs)) == 2


# --- the dialplan ---------------------------------------------------------------------------------------------------------

STANDBY = 'ExecIf($["${HOTLINE_NEXT}" = ""]?AGI(standby,${HOTLINE_STAGE},${HOTLINE_RESULT}))'
DIALPLAN = ("extensions.conf", "routing.conf", "handover.conf", "transfer.conf", "fax.conf")
NEXT = {"agents", "message", "transfer", "fax", "hangup"}
"""What ``HOTLINE_NEXT`` can be: a test of the engine has the same."""


def dialplan(etc: Path, names: tuple[str, ...] = DIALPLAN) -> dict[str, dict[str, list[tuple[str, str]]]]:
    """Contexts to extensions to steps, each a label (or the empty text) and an application with its arguments."""
    contexts: dict[str, dict[str, list[tuple[str, str]]]] = {}
    for title, lines in [section for name in names for section in sections(etc / name)]:
        if title in ("", "general", "globals"):
            continue
        context = contexts.setdefault(title, {})
        extension = ""
        for name, value in lines:
            if name == "exten":
                extension, _, step = value.partition(",")
                context[extension] = []
            else:
                assert name == "same", name
                step = value
            priority, _, application = step.partition(",")
            assert re.fullmatch(r"1|n(\(\w+\))?", priority), step
            context[extension].append(("".join(re.findall(r"\((\w+)\)", priority)), application))
    return contexts


def targets(application: str) -> list[str]:
    """Where a step may go to: ``context,extension,priority`` with all of them spelt out, for each value of HOTLINE_NEXT."""
    match = re.fullmatch(r"(Goto|GotoIf)\((.*)\)", application)
    if match is None:
        return []
    choice = re.search(r"\$\{IF\(\$\[[^]]*\]\?(\w+):(\w+)\)\}", match[2])
    ways = [match[2].replace(choice[0], choice[number]) for number in (1, 2)] if choice else [match[2]]
    places = ways if match[1] == "Goto" else [place for way in ways for place in way.rpartition("?")[2].split(":")]
    return [place.replace("${HOTLINE_NEXT}", name) for place in places for name in sorted(NEXT)]


def test_every_jump_of_the_dialplan_arrives(render: Rendered) -> None:
    etc = render().etc
    contexts, there = dialplan(etc), dialplan(etc, (*DIALPLAN, "control.conf", "record.conf"))
    jumps = [
        (context, extension, target)
        for context, extensions in contexts.items()
        for extension, steps in extensions.items()
        for _, application in steps
        for target in targets(application)
        if not target.startswith("codes,")  # where one that is no code is told so
    ]
    assert len(jumps) > 10
    for context, extension, target in jumps:
        parts = target.split(",")
        where, at, priority = [context, extension][: 3 - len(parts)] + parts
        steps = there[where][at]
        assert priority == "1" or priority in [label for label, _ in steps], target


def test_the_flow_leads_to_contexts_that_exist(render: Rendered) -> None:
    contexts = dialplan(render().etc)
    assert all("s" in contexts[name] for name in NEXT)


def test_nothing_that_a_caller_sends_is_expanded_in_the_dialplan(render: Rendered) -> None:
    """A name like ``${SHELL(…)}`` is text only as long as nobody expands it: no caller id, no header, no dialled name."""
    text = "\n".join((render().etc / name).read_text() for name in DIALPLAN)
    expanded = set(re.findall(r"\$\{(\w+)", "\n".join(line.partition(";")[0] for line in text.splitlines())))
    ours = {name for name in expanded if name.startswith(("HOTLINE_", "THREEWAY_"))} | {"FASTAGI", "IF", "FILTER"}
    asterisks = {"UNIQUEID", "EXTEN", "CHANNEL", "REASON", "QUEUE_MEMBER", "QUEUE_WAITING_COUNT", "MEMBERNAME", "DEVICE_STATE"}
    asterisks |= {"STRFTIME", "EPOCH", "QUEUE_EXISTS", "QUEUENAME"}
    ours |= {name for name in expanded if name.startswith(("QUEUE_OF_", "WAIT_", "WHOLE_WAIT_", "OVERFLOWS_"))}  # globals
    arguments = {"ARG1", "ARG2"}  # of our own Gosub
    assert expanded - ours - asterisks - arguments == {"QUEUESTATUS", "DIALSTATUS", "FAXSTATUS", "FAXERROR"}
    assert set(re.findall(r"CHANNEL\((\w+)\)", text)) == {"userfield"}, "the path, which we have written"
    assert "CALLERID(" not in text
    keys = [extension for extension in dialplan(render().etc)["welcome"] if extension != "s"]
    assert keys == ["_[0-9*#]"], "EXTEN is one key of the telephone"


def test_every_way_through_the_dialplan_survives_an_empty_next_step(render: Rendered) -> None:
    """When FastAGI left nothing the standby script is asked, but not for a survey; then there is still somewhere to go."""
    for context, extensions in dialplan(render().etc).items():
        for steps in extensions.values():
            applications = [application for _, application in steps]
            for place, application in enumerate(applications):
                if application.startswith("AGI(${FASTAGI}") and context != "route":
                    *asked, otherwise, then = applications[place + 1 :]
                    assert asked == ([] if context == "survey" else [STANDBY]), context
                    assert otherwise.startswith('GotoIf($["${HOTLINE_NEXT}" = ""]?'), context
                    assert then == "Goto(${HOTLINE_NEXT},s,1)", context


def test_agents_dial_each_other_and_the_queues_but_nothing_outside_and_nobody_reaches_the_system(render: Rendered) -> None:
    """A citizen whom an agent sends on (TRANSFER_CONTEXT) reaches the same places, and no others."""
    etc = render().etc
    contexts = dialplan(etc)
    places = {*Settings().agents.numbers(), *Settings().control.slots(), "12345", "123458"}
    assert set(contexts["seats"]) == places | {"_*X."}, "feature codes"
    assert set(contexts["handover"]) == places | {"hotline", "english"}
    units = (etc / "threeway.conf").read_text().partition("\n[units]\n")[2]
    assert re.findall(r"^exten => (\w+),", units, re.MULTILINE) == ["12345"], "who calls back: to the agents alone"
    assert section(etc / "pjsip.conf", "units")["context"] == ["units"]
    assert section(etc / "pjsip.conf", "seat")["set_var"] == ["TRANSFER_CONTEXT=handover"]
    used = {name: set(re.findall(r"(?:,|\?)(\w+)\(", (etc / name).read_text())) for name in DIALPLAN}
    assert not set().union(*used.values()) & {"System", "TrySystem", "SHELL", "EVAL", "Exec", "DISA", "ChanSpy"}
    assert [name for name in DIALPLAN if "Dial" in used[name]] == ["handover.conf", "transfer.conf"]
    assert "Dial(PJSIP/${HOTLINE_NUMBER}@units," in (etc / "transfer.conf").read_text(), "digits only, through one trunk"
    dialled = {application for name in ("seats", "handover") for steps in contexts[name].values() for _, application in steps}
    telephone = r"Dial\(PJSIP/(\d+)\$\{IF\(\$\[.*DEVICE_STATE\(PJSIP/\1@browser\).* = .UNAVAILABLE.\]\?:@browser\)\},20"
    agents = {match[1] for application in dialled if (match := re.match(telephone, application))}
    assert agents == set(Settings().agents.numbers())
    assert sum(application.startswith("Dial(") for application in dialled) == 2 * len(agents)


def test_after_every_queue_its_end_is_told(render: Rendered) -> None:
    """A refused caller leaves no other trace: metrics, section 2."""
    for steps in [steps for extensions in dialplan(render().etc).values() for steps in extensions.values()]:
        applications = [application for _, application in steps]
        for place, application in enumerate(applications):
            if application.startswith("Queue("):
                told, logged = applications[place + 1 : place + 3]
                assert told == "UserEvent(QueueExit,Queue: ${HOTLINE_QUEUE},Status: ${QUEUESTATUS},Uniqueid: ${UNIQUEID})"
                assert logged == "CELGenUserEvent(QueueExit,${QUEUESTATUS})"


NORTH = {"queues": {"north": {"overflow_to": "hotline", "overflow_seconds": 60, "wait_seconds": 300, "step_seconds": 10}}}


def test_a_call_that_nobody_routes_still_has_a_queue_and_a_wait_and_no_time_limit_after_it(render: Rendered) -> None:
    """FastAGI may be dead or hang: two seconds, then the globals hold."""
    etc = render(parse(NORTH, source="test")).etc
    known = {name: values[0] for name, values in section(etc / "extensions.conf", "globals").items()}
    assert [known[f"{word}_north"] for word in ("WAIT", "WHOLE_WAIT", "OVERFLOWS", "QUEUE_OF")] == [
        "60",
        "300",
        "hotline",
        "north",
    ]
    assert [known[f"{word}_hotline"] for word in ("WAIT", "WHOLE_WAIT", "OVERFLOWS")] == ["600", "600", ""]
    steps = [application for _, application in dialplan(etc)["route"]["s"]]
    asks = next(place for place, step in enumerate(steps) if step.startswith("AGI("))
    assert steps[asks - 1] == "Set(TIMEOUT(absolute)=2)" and steps[asks + 1] == "Set(TIMEOUT(absolute)=0)"
    assert dialplan(etc)["route"]["T"] == [("", "Goto(s,answered)")]


def test_the_position_is_the_last_argument_of_queue_in_each_version(render: Rendered) -> None:
    for version, commas in (((22, 10, 0), 2), ((20, 6, 0), 3)):
        (queue,) = [
            step for _, step in dialplan(render(version=version).etc)["agents"]["s"] if step.startswith("Queue(${HOTLINE_QUEUE},")
        ]
        assert queue == "Queue(${HOTLINE_QUEUE},c,,,${HOTLINE_WAIT}," + commas * "," + "${HOTLINE_RULE},${HOTLINE_PLACE})"


def test_rules_widen_by_level_and_keep_priority_from_trainees_at_first(render: Rendered) -> None:
    file = render(parse(NORTH, source="test")).etc / "queuerules.conf"
    assert section(file, "hotline")["penaltychange"] == ["0,14,0,0"]
    assert section(file, "hotline.priority")["penaltychange"] == ["0,9,0,0", "21,14,0,0"]
    steps = ["0,0,0,0", "10,1,0,0", "20,2,0,0", "30,3,0,0", "40,4,0,0"]
    assert section(file, "north")["penaltychange"] == [*steps, "50,14,0,0"]
    assert section(file, "north.priority")["penaltychange"] == [*steps, "50,9,0,0", "51,14,0,0"]
    equal = render(parse({"routing": {"trainees": "equal"}}, source="test")).etc / "queuerules.conf"
    assert section(equal, "hotline")["penaltychange"] == ["0,14,0,10"]


@pytest.mark.parametrize("strategy", ["ringall", "leastrecent"])
def test_each_queue_has_its_strategy(render: Rendered, strategy: str) -> None:
    file = render(parse({"queue": {"english_strategy": strategy}}, source="test")).etc / "queues.conf"
    assert section(file, "hotline")["strategy"] == ["rrmemory"]
    assert section(file, "english")["strategy"] == [strategy]
