"""A ticket (工单): its life cycle, its fields, its history. ``ticket.py`` and ``life_cycle.py`` first.

May import what ``crm`` may."""
