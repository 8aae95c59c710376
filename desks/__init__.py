"""The web application: the stack's health, the live figures and those of any time, what is behind them, exclusions, alarms.

Built so far: the REST and WebSocket interfaces (OpenAPI at ``/api/openapi.json``), logins and roles, Prometheus. The pages for
agents, supervisors, units, citizens and administrators come on top.

May import every other package. Start reading at ``desks/routes.py``, the table of everything that can be asked, then
``desks/access.py``, ``desks/feed.py`` and ``desks/live.py``.
"""
