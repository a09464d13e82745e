"""When a request may be sent a second time (design.md §7)."""

from homeport.core.policy import Policy

_IDEMPOTENT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"))
# Inference changes nothing: asking twice is only slower.
_INFERENCE = (b"/v1/", b"/v2/", b"/inference.GRPCInferenceService/")


def may_run_twice(policy: Policy, method: bytes, path: bytes, has_idempotency_key: bool) -> bool:
    """For a request that was perhaps dispatched and of which no byte came back. Once, and never after a first byte."""
    if method in _IDEMPOTENT or has_idempotency_key:
        return True
    return policy.retry == "safe" and path.startswith(_INFERENCE)
