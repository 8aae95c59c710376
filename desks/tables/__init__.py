"""The table of routes, one subject a file: what can be asked, who may ask it, and what an order needs to be told."""
