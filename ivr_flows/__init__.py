"""What a citizen can do by telephone: the flow engine (pure), the flows and the prompts.

May import ``hotline`` and ``ami_bridge``. Start reading at ``ivr_flows/engine.py``.
"""
