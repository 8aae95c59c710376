"""Callers, tickets (工单), life cycle, deadlines, units (承办单位), knowledge base, profiles of cities.

``tickets``         a ticket from its first word to the archive: ``life_cycle.py`` is the table of transitions, ``decide.py``
                    judges by it, ``cases.py`` carries out, ``intake.py`` opens
``clocks``          working days, due times and what happens when they pass
``units``           the tree of units, whom a matter is for, the taxonomy, places
``callers``         who calls, what they reported before, what is the same matter, and who may know who they are
``knowledge``       what is answered at once: entries, announcements, search in Chinese
``messages``        what was left on the line: a draft each, urgent words, the morning's work list
``recordings``      who may hear which recording, what was heard, masks, evidence
``transcripts``     what was said: search, hot words, surges of one topic
``quality``         checks of all calls, samples, score sheets, appeals, complaints about staff
``retention.py``    recordings go when their time is over, unless ``legal_holds.py`` says otherwise
``profiles``        the rules of a city (CFG): ``profile.py`` is the list of keys, ``*.toml`` are the cities
``webhooks``        other systems are told
``permissions.py``  the one matrix; ``names.toml`` is what roles and actions are called
``loops.py``        what ``python -m crm`` does without a person

May import ``recordings``, ``agi``, ``acd``, ``ivr_flows``, ``ami_bridge`` and ``hotline``.
"""
