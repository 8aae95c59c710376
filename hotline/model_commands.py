"""The commands ``hotline models``, ``hotline models add`` and ``hotline models check``; exit status 1 when something is wrong."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import msgspec

from hotline import messages, models, settings
from hotline.errors import ModelError
from hotline.models import Model


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register ``models``."""
    parser = subparsers.add_parser("models", help=messages.text("models.help"))
    parser.add_argument("--json", action="store_true", help=messages.text("models.json"))
    parser.set_defaults(run=_list)
    actions = parser.add_subparsers(metavar="ACTION")
    one = actions.add_parser("add", help=messages.text("models.add"))
    one.add_argument("source", type=Path, metavar="FOLDER|ZIP")
    one.add_argument("--name", default="")
    one.add_argument("--sha256", default="", help=messages.text("models.sha256"))
    one.add_argument("--json", action="store_true", help=messages.text("models.json"))
    one.set_defaults(run=_add)
    one = actions.add_parser("check", help=messages.text("models.check"))
    one.add_argument("name", nargs="?", default="")
    one.add_argument("--json", action="store_true", help=messages.text("models.json"))
    one.set_defaults(run=_check)


def _list(arguments: argparse.Namespace) -> int:
    wanted = settings.load().transcription
    chosen, there = models.find(wanted), models.installed()
    missing = [one for one in models.KNOWN if one.name not in {model.name for model in there}]
    if arguments.json:
        found = {
            "engine": wanted.engine,
            "chosen": chosen and _described(chosen),
            "installed": [_described(one) for one in there],
            "known": msgspec.to_builtins(missing),
        }
        print(json.dumps(found, ensure_ascii=False))
        return 0
    for model in there:
        sign = "*" if chosen == model else " "
        print(f"{sign} {model.name:28s} {model.engine:8s} {model.folder}")
    if chosen is not None and chosen not in there:
        print(f"* {chosen.name:28s} {chosen.engine:8s} {chosen.folder}")
    if chosen is None and wanted.engine != "none":
        print(messages.text("models.none", engine=wanted.engine))
    print(messages.text("models.known"))
    for one in missing:
        print(f"  {one.name:28s} {one.engine:8s} {one.megabytes:5d} MB  {one.url}\n    {one.zh} / {one.en}")
    print(messages.text("models.how"))
    return 0


def _described(model: Model) -> dict[str, str]:
    return {"name": model.name, "engine": model.engine, "folder": str(model.folder)}


def _add(arguments: argparse.Namespace) -> int:
    if not arguments.source.exists():
        raise ModelError(messages.text("models.no_source", source=arguments.source))
    manifest = models.add(arguments.source, name=arguments.name, sha256=arguments.sha256)
    if arguments.json:
        print(msgspec.json.encode(manifest).decode())
    else:
        print(messages.text("models.added", name=manifest.name, engine=manifest.engine, sha256=manifest.source_sha256 or "-"))
    return 0


def _check(arguments: argparse.Namespace) -> int:
    there = [model for model in models.installed() if arguments.name in ("", model.name)]
    if not there:
        raise ModelError(messages.text("models.not_there", name=arguments.name or models.folder()))
    wrong: dict[str, list[str]] = {}
    for model in there:
        try:
            wrong[model.name] = models.check(model)
        except ModelError as error:
            wrong[model.name] = [str(error)]
    if arguments.json:
        print(json.dumps(wrong, ensure_ascii=False))
    else:
        for name, found in wrong.items():
            print(messages.text("models.unchanged", name=name) if not found else f"✗ {name}: {'; '.join(found)}")
    return 1 if any(wrong.values()) else 0
