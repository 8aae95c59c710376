"""Callers, tickets (工单), life cycle, deadlines, units (承办单位), knowledge base, scripts, reports.

May import ``recordings``, ``agi``, ``acd``, ``ivr_flows``, ``ami_bridge`` and ``hotline``. Nothing is built here yet.
"""
