"""The link to each Asterisk node: events, journal, call records, figures, replay, commands.

From bytes to rows: ``codec`` cuts the stream into events, ``facts`` gives them types, ``calls`` gathers each call's evidence;
``visits``, ``requests`` and ``turns`` make rows of it (``lines``). ``book`` does so behind the ``journal``, ``store`` writes to
PostgreSQL; around them is ``bridge`` on its ``link``, with two ``witnesses`` that fill gaps in.
Figures: ``metrics`` is the one table of rates, over a ``tally``; ``history`` answers for any time, from ``rollups`` and facts;
``drill_down`` tells the lines behind a figure; ``live`` keeps the screen; ``exclusions`` and ``overload_windows`` say what is
left out, ``alarms`` what is wrong.
Looking back: ``replay`` makes the same rows of any recording; ``compare`` puts app_queue's counters beside them.
Steering: ``commands`` is the only port through which Asterisk is asked to do anything, ``actions`` the table of what may be;
``members`` knows what agents do.

May import ``hotline`` only. Start reading at ``ami_bridge/bridge.py``; what the terminal offers, at ``ami_bridge/__main__.py``.
"""
