"""Callers, tickets (工单), life cycle, deadlines, units (承办单位), knowledge base, profiles of cities.

``profiles``   the rules of a city (CFG): ``profile.py`` is the list of keys, ``*.toml`` are the cities
``tickets``    a ticket from its first word to the archive: start with ``life_cycle.py``, the table of transitions; ``decide.py``
               judges, ``cases.py`` carries out
``clocks``     working days, due times and what happens when they pass
``units``      the tree of units, whom a matter is for, the taxonomy, places
``callers``    who calls, what they reported before, what is the same matter, and who may know who they are
``knowledge``  what is answered at once: entries, announcements, search in Chinese

May import ``recordings``, ``agi``, ``acd``, ``ivr_flows``, ``ami_bridge`` and ``hotline``.
"""
