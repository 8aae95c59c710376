"""The figures: what is counted, and its rates (``metrics``); live (``live``) and of any time (``history``).

What the net figures leave out: ``exclusions``; when somebody is told: ``alarm_rules``.
"""
