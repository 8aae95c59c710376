"""Recordings for people: who may hear which, who heard what, and what of them is masked (QUA-02, SEC-12)."""
