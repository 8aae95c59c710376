"""Callers, repeated and duplicate matters, confidentiality. May import what ``crm`` may."""
