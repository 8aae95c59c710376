"""The link to each Asterisk node: codec, events, journal, call records, commands.

May import ``hotline`` only. Start reading at ``ami_bridge/codec.py``.
"""
