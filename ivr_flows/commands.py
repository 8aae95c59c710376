"""The commands of ``python -m ivr_flows``: what they take, what they print, and their exit status.

0 is good, 1 is a problem of a flow or of the system, 2 is wrong use.
"""

from __future__ import annotations

import argparse
import datetime as dt
import difflib
import re
import sys
from pathlib import Path

import msgspec

from hotline import calendar, clock, messages, paths, settings
from hotline.audit import shell
from ivr_flows import cases, draw, installing, library, world
from ivr_flows.cases import Case
from ivr_flows.check import check
from ivr_flows.errors import FlowError, FlowRefused, Problem
from ivr_flows.flow import SITUATIONS, Flow
from ivr_flows.speech import Language
from ivr_flows.terminal import Terminal
from ivr_flows.turns import Moment

Arguments = argparse.Namespace
_AT = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?)?")


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the commands, apart from ``prompts``."""
    parser = _command(subparsers, "check", "flow.check", _check)
    parser.add_argument("flows", metavar="FLOW", nargs="*", help=messages.text("flow.flows"))
    parser.add_argument("--json", action="store_true", help=messages.text("flow.json"))
    parser = _command(subparsers, "draw", "flow.draw", _draw)
    parser.add_argument("flow", metavar="FLOW", help=messages.text("flow.flow"))
    parser.add_argument("--english", action="store_true", help=messages.text("flow.english"))
    parser.add_argument("--output", type=Path, metavar="FILE", help=messages.text("flow.output"))
    _add_run(_command(subparsers, "run", "flow.run", _run))
    parser = _command(subparsers, "load", "flow.load", _load)
    chosen = parser.add_mutually_exclusive_group(required=True)
    chosen.add_argument("file", type=Path, metavar="FILE", nargs="?", help=messages.text("flow.file"))
    chosen.add_argument("--back", metavar="NAME", help=messages.text("flow.back"))
    chosen.add_argument("--undo", metavar="NAME", help=messages.text("flow.undo"))
    _command(subparsers, "list", "flow.list", _list)


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("flow", metavar="FLOW", help=messages.text("flow.flow"))
    parser.add_argument("--at", default="", metavar="2026-10-01T09:00", help=messages.text("flow.at"))
    parser.add_argument("--caller", default="13800000000", metavar="NUMBER", help=messages.text("flow.caller"))
    parser.add_argument("--language", default="", choices=("zh", "en"), help=messages.text("flow.language"))
    parser.add_argument("--entry", default="inbound", metavar="NAME", help=messages.text("flow.entry"))
    parser.add_argument("--early", default="", metavar="KEY", help=messages.text("flow.early"))
    parser.add_argument("--unattended", action="store_true", help=messages.text("flow.unattended"))
    parser.add_argument("--situation", default="", choices=SITUATIONS, help=messages.text("flow.situation"))
    parser.add_argument("--keys", nargs="+", default=[], metavar="KEY", help=messages.text("flow.keys"))
    parser.add_argument("--look", action="append", default=[], metavar="ticket=found,state=NAME", help=messages.text("flow.look"))
    parser.add_argument("--case", type=Path, metavar="FILE", help=messages.text("flow.case"))
    parser.add_argument("--renew", action="store_true", help=messages.text("flow.renew"))


def _command(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser], name: str, about: str, run: object
) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(name, help=messages.text(about), description=messages.text(about))
    parser.set_defaults(run=run)
    return parser


def find(wanted: str) -> Path:
    """The file of a flow: a path, or a name, for which the city's wins over ours. Raises ``FlowError``."""
    if wanted.endswith(".toml"):
        return Path(wanted)
    places = (library.city_flows() / f"{wanted}.toml", library.OURS / f"{wanted}.toml")
    found = next((file for file in places if file.exists()), None)
    if found is None:
        raise FlowError(messages.text("flow.none", name=wanted, known=", ".join(_names())))
    return found


def _names() -> list[str]:
    files = [*library.city_flows().glob("*.toml"), *library.OURS.glob("*.toml")]
    return sorted({file.stem for file in files})


def _check(arguments: Arguments) -> int:
    """Every flow that is asked for, or all of them; the problems on standard output."""
    chosen = settings.load()
    wrong: list[tuple[Path, Problem]] = []
    for file in [find(name) for name in arguments.flows or _names()]:
        try:
            flow = library.checked(file, chosen)
        except FlowRefused as refused:
            wrong += [(file, problem) for problem in refused.problems]
        else:
            if not arguments.json:
                print(messages.text("flow.good", flow=flow.identity, count=len(flow.nodes), file=file))
    if arguments.json:
        shown = [{"file": str(file), **msgspec.to_builtins(problem)} for file, problem in wrong]
        print(msgspec.json.encode(shown).decode())
    else:
        for file, problem in wrong:
            print(problem.text(str(file)))
    return int(bool(wrong))


def _draw(arguments: Arguments) -> int:
    file = find(arguments.flow)
    flow = library.load(file)
    language: Language = "en" if arguments.english else "zh"
    output: Path = arguments.output or paths.var() / "flows" / f"{flow.name}.svg"
    output.parent.mkdir(parents=True, exist_ok=True)
    chosen = settings.load()
    output.write_text(draw.svg(flow, world.texts_of(language), language, world.queues(chosen)), encoding="utf-8")
    print(messages.text("flow.drawn", file=output))
    problems = check(flow, flow.text, world.on_disk(chosen))
    for problem in problems:
        print(problem.text(str(file)), file=sys.stderr)
    return int(bool(problems))


def _moment_of(at: dt.datetime) -> Moment:
    found = calendar.moment(settings.load(), at)
    return Moment(at, found.staffed, found.situation)


def _run(arguments: Arguments) -> int:
    flow = library.load(find(arguments.flow))
    if arguments.case and arguments.case.exists():
        return _replay(flow, arguments.case, renew=arguments.renew)
    case = _case(arguments)
    moment = _moment_of(cases.moment(case.at))
    shown = case.situation or moment.situation
    print(messages.text("flow.begins", title=flow.title, flow=flow.identity, at=f"{moment.at:%Y-%m-%d %H:%M}", situation=shown))
    print(messages.text("flow.how"))
    looks = dict(_look(text) for text in arguments.look)
    terminal = Terminal(flow, case, _moment_of, arguments.keys, looks)
    terminal.talk(input)
    print(messages.text("flow.over"))
    if arguments.case:
        _write(arguments.case, _renewed(flow, msgspec.structs.replace(case, events=tuple(terminal.lines))))
    return 0


def _case(arguments: Arguments) -> Case:
    if arguments.at and not _AT.fullmatch(arguments.at):
        raise FlowError(messages.text("flow.no_time", at=arguments.at))
    return Case(
        at=arguments.at or f"{clock.shanghai_now():%Y-%m-%dT%H:%M}",
        entry=arguments.entry,
        caller=arguments.caller,
        language=arguments.language,
        key=arguments.early,
        staffed=False if arguments.unattended else None,
        situation=arguments.situation,
    )


def _look(text: str) -> tuple[str, str]:
    """``ticket=found,state=x`` to the look-up's name and the line that answers it."""
    what, _, answer = text.partition("=")
    return what, answer.replace(",", " ")


def _replay(flow: Flow, file: Path, *, renew: bool) -> int:
    """Walk a case and compare; with ``renew``, what happens now is what is expected from now on."""
    try:
        case = msgspec.json.decode(file.read_bytes(), type=Case)
    except msgspec.DecodeError as error:
        raise FlowError(f"{file}: {error}") from error
    new = _renewed(flow, case)
    if renew:
        _write(file, new)
    elif new.expected != case.expected:
        print("\n".join(difflib.unified_diff(case.expected, new.expected, "expected", "now", lineterm="")))
        return 1
    print("\n".join(new.expected))
    return 0


def _renewed(flow: Flow, case: Case) -> Case:
    return msgspec.structs.replace(case, expected=tuple(cases.run(flow, case, _moment_of)))


def _write(file: Path, case: Case) -> None:
    file.write_bytes(msgspec.json.format(msgspec.json.encode(case), indent=1) + b"\n")
    print(messages.text("flow.written", file=file))


def _load(arguments: Arguments) -> int:
    chosen = settings.load()
    if arguments.file:
        flow: Flow | None = installing.install(arguments.file, chosen)
    elif arguments.undo:
        flow = installing.undo(arguments.undo, chosen)
    else:
        installing.back(arguments.back)
        flow = None
    how = "file" if arguments.file else "undo" if arguments.undo else "back"
    name = flow.name if flow else arguments.back or arguments.undo
    shell.write(
        "flow.load", f"flow:{name}", {"how": how, "flow": flow.identity if flow else "", "file": str(arguments.file or "")}
    )
    if flow is None:
        print(messages.text("flow.ours_again", name=arguments.back or arguments.undo))
    else:
        print(messages.text("flow.loaded", flow=flow.identity))
        if flow.name != chosen.ivr.flow:
            print(messages.text("flow.not_chosen", name=flow.name, chosen=chosen.ivr.flow))
    return 0


def _list(_: Arguments) -> int:
    """Every flow with its version, whose it is, and which one calls get."""
    chosen = settings.load().ivr.flow
    for name in _names():
        file = find(name)
        whose = messages.text("flow.city" if file.parent == library.city_flows() else "flow.ours")
        in_use = messages.text("flow.in_use") if name == chosen else ""
        flow = library.load(file)
        print(f"{flow.identity}  {flow.title} / {flow.english}  {whose}  {in_use}".rstrip())
    return 0
