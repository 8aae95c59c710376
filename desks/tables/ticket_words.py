"""What each action on a ticket is called, in Chinese and in English, for the description of the interface: ``crm/names.toml``."""

from __future__ import annotations

from collections.abc import Mapping

from crm.permission_pages import names
from crm.tickets.orders import VALUES


def _called(action: str) -> tuple[str, str]:
    chinese, english = names()["actions"][f"ticket.{action}"]
    return chinese, english[:1].upper() + english[1:]


CALLED: Mapping[str, tuple[str, str]] = {action: _called(action) for action in VALUES}
"""Action -> how it is called."""
