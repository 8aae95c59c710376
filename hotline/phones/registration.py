"""How a group of seats registers with Asterisk, again and again, and takes its registrations away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from hotline.phones import sipp
from hotline.phones.errors import StackError
from hotline.phones.sipp import Sipp

_EXPIRES_SECONDS, _RENEW_SECONDS = 300, 100
_RATE = 50


def arguments(folder: Path, file: str, rows: Sequence[Sequence[str]], *, stay: bool) -> list[str | Path]:
    """Write the injection file with a row ``(user, secret, contact)`` a seat; returns SIPp's arguments to register them.

    Again and again when they ``stay``; else once, to end their registrations.
    """
    expires, renew = (_EXPIRES_SECONDS, _RENEW_SECONDS) if stay else (0, 0)
    (folder / file).write_text(sipp.injection([("nobody", "", ""), *rows]), encoding="utf-8")
    # Not -m for those that stay: SIPp counts the calls that come in as well, and then refuses all that follow.
    load = ["-l" if stay else "-m", str(len(rows)), "-r", str(_RATE)]
    keys = ["-key", "expires", str(expires), "-key", "renew_ms", str(renew * 1000)]
    return ["-sf", sipp.SCENARIOS / "seat_register.xml", "-inf", file, *load, *keys]


async def settled(telephones: Sipp, count: int, target: str) -> None:
    """Wait until all ``count`` seats are registered at ``target``; raises ``StackError`` when Asterisk does not take them all."""
    known = telephones.registrations
    complete = await telephones.until(lambda: len(known) == count, 20 + count / _RATE)
    taken = sum(line.event == "registered" for line in known.values())
    if not complete or taken < count:
        others = ", ".join(f"{user} {line.event}" for user, line in known.items() if line.event != "registered")
        reason = others or telephones.complaints() or "no answer"
        raise StackError(f"only {taken} of {count} agents could register at {target}: {reason}")


async def end(folder: Path, secrets: Mapping[str, str], target: str, address: str) -> None:
    """Take all contacts of these users away; new calls then pass them by."""
    rows = [(user, secret, "*") for user, secret in secrets.items()]
    ending = Sipp(folder)
    try:
        ordered = arguments(folder, "unregister.csv", rows, stay=False)
        await ending.start(target, address, sipp.free_port(address), ordered)
        await ending.until(lambda: len(ending.registrations) == len(rows), 10)
    finally:
        await ending.stop()
