"""The web application: the stack's health, the live figures and those of any time, what is behind them, exclusions, alarms.

Built so far: the REST and WebSocket interfaces (OpenAPI at ``/api/openapi.json``), logins and roles, Prometheus. The pages for
agents, supervisors, units, citizens and administrators come on top.

Who may ask what: ``routes`` is the one table, ``access`` its guard; ``entrance`` and ``login`` know who asks. ``parameters``
reads questions, ``answers`` words the answers, ``openapi`` describes all of it.
Figures: ``feed`` keeps the live ones fed, ``live`` shows and pushes them, ``figures`` answers for any time, ``metrics`` tells
Prometheus. Exclusions, gaps and alarms: ``records``. Is the stack well: ``health``. Everything else: ``tables``, a file for each
subject (tickets, recordings, messages, quality, transcripts …).

May import every other package. Start reading at ``desks/routes.py``.
"""
