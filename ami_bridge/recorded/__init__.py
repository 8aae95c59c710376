"""Recorded streams and journals: the figures again (``replay``), and beside app_queue's own (``compare``)."""
