"""The rules of a city (CFG-01). May import what ``crm`` may."""
