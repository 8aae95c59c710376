"""What a flow is made of: the verbs, the fields and the exits of each. Pure.

A flow is a table of nodes. Each node does one thing, its verb, and then leaves by one of its exits, which names the next node.
The tables here are the whole grammar: the reader (``reading.py``), the check, the diagram and the engine follow them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

import msgspec

KEYS = "0123456789*#"
"""Every key of a telephone; a menu listens to all of them, so that a wrong one is answered and not overheard."""

NAME = r"^[a-z0-9][a-z0-9-]{0,39}$"
Name = Annotated[str, msgspec.Meta(pattern=NAME)]
Variable = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z_]{0,29}$")]
Word = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
Prompt = tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=80)], ...]
"""Names of prompts and values to be spoken, ``{variable|how}``, in their order."""
Tries = Annotated[int, msgspec.Meta(ge=1, le=10)]
TimeoutSeconds = Annotated[int, msgspec.Meta(ge=1, le=60)]

Queue = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,31}$")]
"""A word of ``QUEUES``, or the name of a queue of the settings, such as a sub-centre's (IVR-27)."""
QUEUES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"main": ("普通队列", "main queue"), "english": ("英语队列", "English queue")}
)
"""The queues of every system, everybody's and that of the agents who speak English (IVR-25), by the words that flows have for
them; with their Chinese and English names."""
Language = Literal["zh", "en"]
Kind = Literal["message", "mailbox", "complaint", "survey"]
Reason = Literal["chosen", "out_of_hours", "no_agents", "timed_out", "queue_full", "fault"]
SITUATIONS = ("working_day", "make_up_day", "rest_day", "public_holiday", "night")


class Node(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="verb", tag=lambda name: name.lower()
):
    """What all nodes have. ``limit``: after so many visits in one call the node is left at once by its exit ``limit``."""

    exits: dict[str, str] = {}
    limit: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    note: str = ""
    """For the reader of the file and of the diagram; never spoken."""


class Say(Node, frozen=True):
    """Play prompts. A key interrupts them when the next node asks for one, unless ``whole`` is set."""

    prompt: Prompt
    whole: bool = False


class Menu(Node, frozen=True):
    """Ask for one key; each key is an exit of that name. ``invalid`` or ``timeout`` is taken after ``tries`` failures in all."""

    prompt: Prompt
    tries: Tries = 3
    timeout_seconds: TimeoutSeconds = 5
    invalid_prompt: Prompt = ("invalid",)
    timeout_prompt: Prompt = ("no-input",)


class Gather(Node, frozen=True):
    """Ask for digits, ended by ``#``, into a variable. A single key that is an exit of that name goes there instead.

    Fewer than ``shortest`` digits are invalid; ``longest`` digits end the entry by themselves.
    """

    prompt: Prompt
    into: Variable
    shortest: Annotated[int, msgspec.Meta(ge=1, le=30)] = 1
    longest: Annotated[int, msgspec.Meta(ge=1, le=30)] = 20
    tries: Tries = 3
    timeout_seconds: TimeoutSeconds = 5
    invalid_prompt: Prompt = ("invalid",)
    timeout_prompt: Prompt = ("no-input",)


class Hours(Node, frozen=True):
    """Go by the calendar (CH-39): are agents on duty (``staffed``), or which greeting fits (``situation``)."""

    ask: Literal["staffed", "situation"]


class Lookup(Node, frozen=True):
    """Ask the data (``lookups.py`` says what may be asked); ``prompt`` is played when the answer is not there at once."""

    what: str
    arguments: dict[Variable, str] = {}
    prompt: Prompt = ("looking-up",)


class Record(Node, frozen=True):
    """Take a spoken message (IVR-08, IVR-09, IVR-11)."""

    kind: Kind
    reason: Reason = "chosen"


class Enqueue(Node, frozen=True):
    """Wait for an agent (IVR-18). Exits with a key's name are the keys that a waiting caller may press."""

    queue: Queue


class Dial(Node, frozen=True):
    """Connect the caller with another number (IVR-04)."""

    number: str


class Fax(Node, frozen=True):
    """Send a document (IVR-07): at once on this call, or, with a ``number``, by a call of its own later."""

    document: str
    number: str = ""


class Callback(Node, frozen=True):
    """Keep a request to be called back; the caller keeps the place in the queue."""

    number: str
    queue: Queue


class Survey(Node, frozen=True):
    """Ask how satisfied the caller is (IVR-20); whatever happens, a rating is stored, ``not_rated`` too."""

    prompt: Prompt
    tries: Tries = 2
    timeout_seconds: TimeoutSeconds = 5
    invalid_prompt: Prompt = ("invalid",)


class Set(Node, frozen=True):
    """Give variables a value, switch the language, or mark the call with a tag (IVR-19) or a disposition (IVR-35)."""

    values: dict[Variable, str] = {}
    language: Language | None = None
    tag: Word | None = None
    disposition: Word | None = None


class Goto(Node, frozen=True):
    """Go on; with ``on``, by the value of that variable: an exit of its name, else ``next``."""

    on: Variable | None = None


class Hangup(Node, frozen=True):
    """End the call."""

    prompt: Prompt = ()


AnyNode = Say | Menu | Gather | Hours | Lookup | Record | Enqueue | Dial | Fax | Callback | Survey | Set | Goto | Hangup
VERBS: Mapping[str, type[Node]] = {
    kind.__name__.lower(): kind
    for kind in (Say, Menu, Gather, Hours, Lookup, Record, Enqueue, Dial, Fax, Callback, Survey, Set, Goto, Hangup)
}

RATINGS = {"1": "very_satisfied", "2": "satisfied", "3": "neutral", "4": "dissatisfied"}
NOT_RATED = "not_rated"

TALKING = (Menu, Gather, Lookup, Survey)
"""Nodes in which the flow itself hears that the caller hangs up. During an announcement it hears it at the next of these. In
a queue, a recording, a transfer or a fax the dialplan holds the call; it does not come back, and the bridge records how it
ended."""
QUIET = (Set, Goto, Hangup)
"""Nodes that may follow a hang-up: they need no caller."""
QUEUE_RESULTS = {
    "CONTINUE": "answered",  # the agent hung up first, the caller is still there
    "TIMEOUT": "timeout",
    "FULL": "full",
    "JOINEMPTY": "empty",
    "LEAVEEMPTY": "empty",
    "JOINUNAVAIL": "empty",
    "LEAVEUNAVAIL": "empty",
}
"""``QUEUESTATUS`` to exit; ``KEY1`` is exit ``1``; any other (``WITHDRAW``, none because there is no such queue) is ``error``."""
DIAL_RESULTS = {
    "ANSWER": "answered",
    "BUSY": "busy",
    "NOANSWER": "no_answer",
    "CANCEL": "no_answer",
    "CHANUNAVAIL": "unavailable",
    "CONGESTION": "unavailable",
}
"""``DIALSTATUS`` to exit."""


_OWN: Mapping[type[Node], tuple[str, ...]] = {
    Say: ("next",),
    Menu: ("invalid", "timeout"),
    Gather: ("match", "invalid", "timeout"),
    Record: ("saved", "empty"),
    Enqueue: ("answered", "timeout", "full", "empty"),
    Dial: ("answered", "busy", "no_answer", "unavailable"),
    Callback: ("kept",),
    Survey: ("rated", "dissatisfied", "not_rated"),
    Set: ("next",),
    Goto: ("next",),
}
"""The exits that do not depend on a node's fields."""


def required(node: Node, lookup_exits: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The exits that a node must list; ``lookup_exits`` says which a look-up has, by name."""
    own: tuple[str, ...]
    match node:
        case Hangup():
            return ()
        case Hours():
            own = ("open", "closed") if node.ask == "staffed" else SITUATIONS
        case Lookup():
            own = (*lookup_exits.get(node.what, ()), "timeout")
        case Fax():
            own = ("queued",) if node.number else ("sent", "failed")
        case _:
            own = _OWN[type(node)]
    ends = ("error", "hangup") if isinstance(node, TALKING) else ("error",)
    return (*own, *(["limit"] if node.limit else []), *ends)


def is_key(name: str) -> bool:
    """Whether an exit is a key of the telephone."""
    return len(name) == 1 and name in KEYS


def takes_any_exit(node: Node) -> bool:
    """Whether a node may have exits beside the required ones: keys, or the values of a variable."""
    return isinstance(node, Goto) and node.on is not None


def takes_keys(node: Node) -> bool:
    """Whether exits named after keys make sense."""
    return isinstance(node, Menu | Gather | Enqueue)


class Flow(msgspec.Struct, frozen=True):
    """A whole flow, ready to run. ``version``: the first eight hex digits of the file's SHA-256; ``entry``: where a call begins.

    The exits of each node are complete: its own, then those of the file's tables ``[exits.<verb>]`` and ``[exits.all]``.
    """

    name: str
    version: str
    title: str
    english: str
    languages: tuple[str, ...]
    entry: Mapping[str, str]
    nodes: Mapping[str, AnyNode]
    text: str
    """The file as it was read: what is kept, installed and blamed is what was checked, even if the file changes meanwhile."""

    @property
    def identity(self) -> str:
        """Name and version, as the call's record keeps it."""
        return f"{self.name}@{self.version}"
