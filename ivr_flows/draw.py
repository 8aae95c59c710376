"""placeholder. Pure."""
from ivr_flows.flow import Flow
def svg(flow: Flow, texts: dict[str, str], language: str) -> str:
    """x"""
    return "<svg/>"
