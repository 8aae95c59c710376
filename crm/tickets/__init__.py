"""A ticket (工单): its life cycle, its fields, its history.

Pure: ``ticket.py`` (what it is), ``life_cycle.py`` (the table), ``orders.py`` (what can be ordered), ``surroundings.py`` (what is
known beside it), ``decide.py`` with ``needs*.py`` and ``effects*.py`` (the judgement), ``change.py`` (what comes of it).

Shell: ``cases.py`` and ``intake.py`` (use cases, each one transaction), ``survey.py`` and ``store.py`` (read and write),
``history.py`` and ``lists.py`` (show), ``contacts.py``, ``attachments.py``, ``answers.py`` (what the menu says).

May import what ``crm`` may.
"""
