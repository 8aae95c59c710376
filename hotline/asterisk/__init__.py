"""Asterisk as this project runs it: which one (``installation.py``) and its configuration (``configuration.py``)."""
