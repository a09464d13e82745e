"""A request is admitted before it goes to a node: by the gateway's room, and by the limits of its access token."""

from homeport.core.errors import ErrorCode, HomeportError
from homeport.core.limits.limits import Limits
from homeport.gateway.delivery import Delivery
from homeport.gateway.limits.charge import Charge
from homeport.gateway.limits.limit_errors import LimitError


class AdmittedDelivery(Delivery):
    has_room = False
    _waits_for_room = False
    _limits: Limits | None = None
    _charge: Charge | None = None
    _waits_for_lease = False

    @property
    def tenant(self) -> str:
        return self._tenant

    @property
    def held_bytes(self) -> int:
        """Of its body, about."""
        return sum(map(len, self._body)) if self._body else 0

    def begin(self) -> None:
        """Its deployment is known. Raises LimitError."""
        gateway = self._gateway
        if len(gateway.active) <= gateway.room.threshold:
            self.has_room = True
        elif not self.has_room:
            self._waits_for_room = True
            if not gateway.room.enter(self, gateway.active):
                return
            self._waits_for_room = False
        if self._limits is None or self._is_charged(self._limits):
            self.dispatch()

    def on_room(self) -> None:
        self._waits_for_room = False
        try:
            self.begin()
        except HomeportError as error:
            self.fail(error)

    def on_no_room(self) -> None:
        self._waits_for_room = False
        self.fail(
            HomeportError(
                ErrorCode.UNAVAILABLE,
                "this gateway has as many requests as it takes, and too many wait",
                hint="try again in a moment; more gateway workers take more",
                retry_after_seconds=1,
            )
        )

    def on_admitted(self, charge: Charge) -> None:
        self._waits_for_lease = False
        self._charge = charge
        self.dispatch()

    def on_limited(self, error: LimitError) -> None:
        self._waits_for_lease = False
        self.fail(error)

    def check(self, now: float) -> None:
        if self._waits_for_room and now > self._hold_until:
            self.on_no_room()

    def settle(self) -> None:
        """It is over."""
        charge, self._charge, self._limits = self._charge, None, None
        if charge is not None:
            charge.end()
        if self._waits_for_lease:
            self._waits_for_lease = False
            self._gateway.limiter.leave(self)

    def _is_charged(self, limits: Limits) -> bool:
        """False: it waits for the lender. Raises LimitError."""
        if self._charge is None:
            prompt_bytes = max(0, self.length) if self._heading.is_json else 0
            self._charge = self._gateway.limiter.admit(self, self._tenant, limits, prompt_bytes)
            self._waits_for_lease = self._charge is None
        return self._charge is not None
