"""Undertaking units (承办单位), suggestions for dispatch, the taxonomy, places. May import what ``crm`` may."""
