"""The tables of ``hotline.toml`` about agents: seats, queues, who is put through how, and what agents may order. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from hotline.setting_sections import Hours, Name, Number, Seconds, Section, Skill, Strategy


class Agents(Section, frozen=True):
    """The seats: SIP user names from ``first`` to ``last``; how agents log in at them, pause, and leave.

    ``login``: each ``telephone`` has the agent of its number from the first start, or everybody logs in with a ``code``.
    ``missed_calls``: so many calls not answered, one after another, pause an agent; 0: never. ``shift_grace_minutes``: so long
    after the end of the shift an agent not in a call is logged out; 0: never.
    """

    first: Annotated[int, msgspec.Meta(ge=100, le=99999)] = 1001
    last: Annotated[int, msgspec.Meta(ge=100, le=99999)] = 1060
    login: Literal["telephone", "code"] = "telephone"
    pause_reasons: list[Skill] = msgspec.field(default_factory=lambda: ["break", "meal", "meeting", "training", "other"])
    missed_calls: Annotated[int, msgspec.Meta(ge=0, le=20)] = 2
    shift_grace_minutes: Annotated[int, msgspec.Meta(ge=0, le=720)] = 0

    def numbers(self) -> list[str]:
        """Every agent number, as text, in order."""
        return [str(n) for n in range(self.first, self.last + 1)]


class Queue(Section, frozen=True):
    """The queues: ``name`` is everybody's, ``english_name`` that of ``english_agents`` (IVR-25).

    ``exit_keys`` are the keys that a waiting caller may press, as the flow says what for. A call that begins to wait behind
    ``overload_waiting`` others while no agent is free gets the tag ``capacity`` (IVR-19).
    """

    name: Name = "hotline"
    wait_seconds: Seconds = 600
    ring_seconds: Seconds = 20
    wrapup_seconds: Annotated[int, msgspec.Meta(ge=0, le=3600)] = 5
    announce_seconds: Seconds = 30
    max_waiting: Annotated[int, msgspec.Meta(ge=1, le=100000)] = 500
    exit_keys: Annotated[str, msgspec.Meta(pattern=r"^[0-9*#]{1,12}$")] = "12"
    overload_waiting: Annotated[int, msgspec.Meta(ge=1, le=100000)] = 10
    strategy: Strategy = "rrmemory"
    english_name: Name = "english"
    english_strategy: Strategy = "rrmemory"
    english_agents: list[Annotated[int, msgspec.Meta(ge=100, le=99999)]] = msgspec.field(default_factory=list)
    overflow_to: str = ""
    overflow_seconds: Annotated[int, msgspec.Meta(ge=0, le=86400)] = 0
    overflow_waiting: Annotated[int, msgspec.Meta(ge=0, le=100000)] = 0

    def english(self) -> list[str]:
        """The agents of the English queue, as text."""
        return [str(n) for n in self.english_agents]

    def by_word(self) -> dict[str, str]:
        """The two queues by the words that flows have for them."""
        return {"main": self.name, "english": self.english_name}


class FurtherQueue(Section, frozen=True):
    """A queue beside the two of ``[queue]``: a skill, a sub-centre (IVR-27), or both.

    Its agents have ``skill`` at ``least_level`` or above, and are of ``sub_centre`` when it names one. ``step_seconds``: so long
    the agents of each level are rung alone before those of the next one; 0: all from the start. ``overflow_to`` names the queue
    that takes callers who waited ``overflow_seconds``, who come when ``overflow_waiting`` wait already (0: never), or outside of
    ``hours``.
    """

    skill: Skill = "mandarin"
    least_level: Annotated[int, msgspec.Meta(ge=1, le=5)] = 1
    sub_centre: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_-]{0,32}$")] = ""
    trainees: bool = True
    strategy: Strategy = "rrmemory"
    wait_seconds: Seconds = 600
    wrapup_seconds: Annotated[int, msgspec.Meta(ge=0, le=3600)] = 5
    max_waiting: Annotated[int, msgspec.Meta(ge=1, le=100000)] = 500
    step_seconds: Annotated[int, msgspec.Meta(ge=0, le=600)] = 0
    overflow_to: str = ""
    overflow_seconds: Annotated[int, msgspec.Meta(ge=0, le=86400)] = 0
    overflow_waiting: Annotated[int, msgspec.Meta(ge=0, le=100000)] = 0
    hours: Hours = msgspec.field(default_factory=Hours)
    chinese_name: Annotated[str, msgspec.Meta(max_length=64)] = ""
    english_name: Annotated[str, msgspec.Meta(max_length=64)] = ""


class Routing(Section, frozen=True):
    """Who is put through how (acd/policy.py).

    ``priority`` (IVR-32): callers of ``priority_groups`` and, with ``priority_overdue``, those with an overdue ticket go ahead of
    the others, of whom nobody is overtaken any more who has waited ``priority_limit_seconds``. They ring no trainee (IVR-26) for
    the first ``trainee_hold_seconds``. ``trainees``: rung ``last``, or as everybody else (``equal``).

    Who calls again within ``same_agent_minutes`` is first put through to the same agent; who had given up and calls again within
    ``keep_place_minutes`` keeps the waiting time; 0: never.
    """

    priority: bool = False
    priority_groups: list[Skill] = msgspec.field(default_factory=lambda: ["elderly"])
    priority_overdue: bool = True
    priority_limit_seconds: Seconds = 120
    trainee_hold_seconds: Annotated[int, msgspec.Meta(ge=0, le=600)] = 20
    trainees: Literal["last", "equal"] = "last"
    same_agent_minutes: Annotated[int, msgspec.Meta(ge=0, le=120)] = 30
    keep_place_minutes: Annotated[int, msgspec.Meta(ge=0, le=120)] = 10


class Control(Section, frozen=True):
    """What agents order for a call that stands: parking places, ring times and limits (IVR-21 to IVR-23, CAL-07, CAL-08).

    ``outbound_prefix``: digits that the carrier wants before an outside number. ``police``, ``fire``, ``medical``: whom the
    emergency hand-over dials.
    """

    park_first: Annotated[int, msgspec.Meta(ge=10, le=99999)] = 701
    park_last: Annotated[int, msgspec.Meta(ge=10, le=99999)] = 720
    park_seconds: Seconds = 120
    ring_seconds: Annotated[int, msgspec.Meta(ge=1, le=120)] = 30
    outbound_prefix: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{0,8}$")] = ""
    police: Number = "110"
    fire: Number = "119"
    medical: Number = "120"
    emergency_ring_seconds: Annotated[int, msgspec.Meta(ge=1, le=120)] = 20
    search_seconds: Annotated[int, msgspec.Meta(ge=5, le=600)] = 30
    silence_seconds: Annotated[int, msgspec.Meta(ge=1, le=60)] = 2
    malicious_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 30

    def slots(self) -> list[str]:
        """The parking places: numbers that an agent dials."""
        return [str(n) for n in range(self.park_first, self.park_last + 1)]


class Threeway(Section, frozen=True):
    """Three-way calls with undertaking units (TWC-08): how long a telephone rings, and the pause before the second attempt.

    ``silence_seconds``: a seat's or unit's telephone that sends no sound for so long is dead; one that holds the call is not.
    """

    ring_seconds: Annotated[int, msgspec.Meta(ge=2, le=120)] = 25
    pause_seconds: Annotated[int, msgspec.Meta(ge=0, le=60)] = 3
    silence_seconds: Annotated[int, msgspec.Meta(ge=2, le=3600)] = 30


class Supervision(Section, frozen=True):
    """Listening to live calls (QUA-03). ``tone``: the parties hear a short tone when somebody begins to listen."""

    tone: bool = False


class Callbacks(Section, frozen=True):
    """The call-back list. ``missed``: callers who gave up waiting are called back too.

    A number that does not answer is tried ``tries`` times, ``retry_minutes`` apart; after ``keep_hours`` nobody is called.
    ``offer_seconds``: how long an agent may think about the next entry before it goes back.
    """

    missed: bool = True
    tries: Annotated[int, msgspec.Meta(ge=1, le=9)] = 2
    retry_minutes: Annotated[int, msgspec.Meta(ge=0, le=1440)] = 15
    offer_seconds: Annotated[int, msgspec.Meta(ge=10, le=3600)] = 120
    keep_hours: Annotated[int, msgspec.Meta(ge=1, le=168)] = 24
