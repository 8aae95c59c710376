"""What was said, found again: search with a jump to the second, the hot words of a day, and surges of one topic (REP-11).

``indexing.py`` takes in each transcript once; ``search.py`` and ``hot.py`` read; ``surge.py`` (pure) judges what is a surge,
``surges.py`` watches, tells and lets people decide. May import what ``crm`` may.
"""
