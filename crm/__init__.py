"""Callers, tickets (工单), life cycle, deadlines, units (承办单位), knowledge base, profiles of cities.

``tickets``         a ticket from its first word to the archive: ``life_cycle.py`` is the table of transitions, ``decide.py``
                    judges by it, ``cases.py`` carries out, ``intake.py`` opens
``clocks``          working days, due times and what happens when they pass
``units``           the tree of units, whom a matter is for, the taxonomy, places
``callers``         who calls, what they reported before, what is the same matter, and who may know who they are
``knowledge``       what is answered at once: entries, announcements, search in Chinese
``profiles``        the rules of a city (CFG): ``profile.py`` is the list of keys, ``*.toml`` are the cities
``webhooks``        other systems are told
``permissions.py``  the one matrix; ``names.toml`` is what roles and actions are called
``loops.py``        what ``python -m crm`` does without a person

May import ``recordings``, ``agi``, ``acd``, ``ivr_flows``, ``ami_bridge`` and ``hotline``.
"""
