"""The processes of one machine: what they are (``parts.py``), and how they are kept running (``supervisor.py``)."""
