"""A request whose access token has limits: it is admitted before it goes to a node, and charged when it is over."""

from homeport.core.limits.limits import Limits
from homeport.gateway.charge import Charge
from homeport.gateway.delivery import Delivery
from homeport.gateway.limit_errors import LimitError


class LimitedDelivery(Delivery):
    """Of a token without limits it does nothing."""

    _limits: Limits | None = None
    _charge: Charge | None = None
    _asks = False

    def begin(self) -> None:
        """Its deployment is known. Raises LimitError."""
        limits = self._limits
        if limits is not None and self._charge is None:
            prompt_bytes = max(0, self.length) if self._heading.is_json else 0
            self._charge = self._gateway.limiter.admit(self, self._tenant, limits, prompt_bytes)
            if self._charge is None:
                self._asks = True
                return
        self.dispatch()

    def on_admitted(self, charge: Charge) -> None:
        self._asks = False
        self._charge = charge
        self.dispatch()

    def on_limited(self, error: LimitError) -> None:
        self._asks = False
        self.fail(error)

    def settle(self) -> None:
        """It is over."""
        charge, self._charge, self._limits = self._charge, None, None
        if charge is not None:
            charge.end()
        if self._asks:
            self._asks = False
            self._gateway.limiter.leave(self)
