"""Other systems are told what happens to tickets (webhooks): ``outbox.py`` notes it, ``sending.py`` tells it.

May import what ``crm`` may."""
