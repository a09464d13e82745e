"""Access tokens at a local gateway: those of which the control plane has told, while that is not too long ago."""

from collections.abc import Callable

from agent.local_gateway.freshness import Freshness
from homeport.core.access.principal import Principal
from homeport.core.errors import ErrorCode, HomeportError

_DAY = 86_400


class SiteTokens:
    """`check` says whose token it is."""

    def __init__(self, check: Callable[[str], Principal | None], freshness: Freshness) -> None:
        self._check = check
        self._freshness = freshness

    def check(self, token: str) -> Principal | None:
        """None for one that is not known. Raises UNAVAILABLE for one that was valid when the control plane was heard
        last."""
        principal = self._check(token)
        if principal is not None and self._freshness.left <= 0:
            days = self._freshness.limit / _DAY
            raise HomeportError(
                ErrorCode.UNAVAILABLE,
                f"this site has been cut off for more than {days:.3g} days: its gateway accepts no access tokens until "
                "it hears from the control plane again",
                hint="mend the site's link; homeport-agent status on the gateway's host says since when",
                retry_after_seconds=60,
            )
        return principal
