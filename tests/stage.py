"""Where stories are played: directed telephones at one stack, and who of them belongs to which story.

A story is a coroutine that steers one citizen's call and the agents' telephones that ring for it (tests/stories.py). A telephone
that rings belongs to the story whose number it shows: the citizen's, or that of the agent who asks on the citizen's behalf.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from acd.parts import Parts
from hotline.phones.directed import DirectedCallers, DirectedSeats, DirectedUnits, Line
from hotline.waiting import within
from tests.play import PATIENCE_SECONDS, Play, Story
from tests.trial import Trial
from tests.truth import CallTruth


class Stage:
    """One stack with its seats; ``truths`` are those of the stories played so far, ``doubtful`` of those with an order in doubt.

    ``colleagues``, ``supervisors``: seats that no queue rings, each for one story at a time.
    """

    def __init__(
        self, stack: Trial, parts: Parts | None = None, *, colleagues: Iterable[str] = (), supervisors: Iterable[str] = ()
    ) -> None:
        self.stack, self._parts = stack, parts
        self.colleagues, self.supervisors = _lent(colleagues), _lent(supervisors)
        self.settings = stack.settings
        self.secrets = stack.credentials.agents
        self.truths: list[CallTruth] = []
        self.faults: list[str] = []
        self.doubtful: list[str] = []
        self.calling_back: set[str] = set()
        self.complaints = ""
        self.reconnect: Callable[[], None] = lambda: None
        self.sip = f"{self.settings.asterisk.sip_address}:{self.settings.asterisk.sip_port}"
        self._ringing: defaultdict[str, asyncio.Queue[Line]] = defaultdict(asyncio.Queue)
        self._playing: dict[asyncio.Task[None], Play] = {}

    @property
    def parts(self) -> Parts:
        """The stack's database, for stories with orders."""
        assert self._parts
        return self._parts

    def rings_for(self, number: str) -> asyncio.Queue[Line]:
        """The telephones that ring and show this number."""
        return self._ringing[number]

    def seats(self, users: Sequence[str]) -> DirectedSeats:
        """These agents' telephones."""
        secrets = {user: self.secrets[user] for user in users}
        return DirectedSeats(self.settings, secrets, self._seat_rings)

    def _seat_rings(self, line: Line) -> None:
        calls_back = line.call.party in self.calling_back
        self.rings_for(f"{line.call.party} calls back" if calls_back else line.call.caller).put_nowait(line)

    def units(self) -> DirectedUnits:
        """The units' telephones, and those of citizens who are called back: one rings for the story that waits for its number."""
        return DirectedUnits(self.settings, lambda line: self.rings_for(f"outside {line.call.party}").put_nowait(line))

    async def play(self, stories: Sequence[Story], first: int, rate: float) -> None:
        """Citizens dial ``rate`` a second, each its story; until all of them have ended, or Asterisk was killed (``cut``)."""
        waiting = dict(zip((number(first + place) for place in range(len(stories))), stories, strict=True))
        self._left = len(waiting)
        self._over = asyncio.Event()

        self._is_cut = False

        def begins(line: Line) -> None:
            if self._is_cut:
                return
            story = waiting.pop(line.call.party)
            play = Play(self, story.__name__, line)
            task = asyncio.get_running_loop().create_task(self._through(story, play))
            self._playing[task] = play
            task.add_done_callback(self._ended)

        rows = [(own, "") for own in waiting]
        dialled = self.settings.trunks.hotline_number
        async with DirectedCallers(self.settings, rows, dialled, begins, rate=rate) as callers:
            self._callers = callers
            await within(self._over.wait(), len(stories) / rate + 4 * PATIENCE_SECONDS)
            self.complaints = callers.sipp.complaints()

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._playing[task]
        self._left -= 1
        if self._left == 0:
            self._over.set()

    async def _through(self, story: Story, play: Play) -> None:
        try:
            await story(play)
            await play.all_is_over()
        except Exception as error:
            said = f"{play.truth.caller} {play.truth.story}: {error!r}"
            (self.doubtful if play.truth.in_doubt else self.faults).append(said)
            play.line.tell("hangup")
        except asyncio.CancelledError:
            play.is_cut()
        finally:
            await play.close()
            self.truths.append(play.finished())

    def cut(self) -> None:
        """Asterisk died: all calls are over, whatever their stories wanted. Nobody who has not dialled yet will."""
        self._is_cut = True
        for task in list(self._playing):
            task.cancel()
        self._left = len(self._playing)
        if not self._left:
            self._over.set()


def number(place: int) -> str:
    """The number from which the citizen at this place of a run calls."""
    return f"139{place:08d}"


def _lent(seats: Iterable[str]) -> asyncio.Queue[str]:
    queue: asyncio.Queue[str] = asyncio.Queue()
    for seat in seats:
        queue.put_nowait(seat)
    return queue
