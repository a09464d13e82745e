"""How fast tokens and passwords can be tried out: failed tries of each address are counted, and too many must wait.

Whoever has got in from an address before is not held up by what others do there, as behind one proxy. Such a credential
is known already, so nothing can be learned by sending it.
"""

import hashlib
from collections import OrderedDict, deque
from ipaddress import IPv6Address, ip_address

from homeport.core.errors import ErrorCode, HomeportError

MOST_FAILURES = 10
WINDOW_SECONDS = 60.0
# The oldest are forgotten first: what an attacker can do with many addresses is bounded by memory alone.
_ADDRESSES = 10_000
_CREDENTIALS = 10_000
_NETWORK_BITS = 64


class Guesses:
    """`now` is of one clock that never goes back, in seconds; `credential` whatever was sent."""

    def __init__(self, most: int = MOST_FAILURES, window_seconds: float = WINDOW_SECONDS) -> None:
        self._most = most
        self._window = window_seconds
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()
        self._let_in: OrderedDict[bytes, None] = OrderedDict()

    def must_wait(self, address: str, credential: str, now: float) -> float:
        """Seconds until the credential may be looked at; 0 = now."""
        if not self._failures:
            return 0.0
        network = network_of(address)
        failures = self._failures.get(network)
        while failures and now - failures[0] >= self._window:
            failures.popleft()
        if not failures:
            self._failures.pop(network, None)
            return 0.0
        if len(failures) < self._most or _digest(network, credential) in self._let_in:
            return 0.0
        return failures[0] + self._window - now

    def check(self, address: str, credential: str, now: float) -> None:
        """Raises TOO_MANY_REQUESTS, saying for how long."""
        seconds = self.must_wait(address, credential, now)
        if seconds:
            raise HomeportError(
                ErrorCode.TOO_MANY_REQUESTS,
                "too many wrong tokens or passwords came from this address",
                hint=f"at most {self._most} a minute are looked at; wait, and send one that is right",
                retry_after_seconds=seconds,
            )

    def failed(self, address: str, now: float) -> None:
        network = network_of(address)
        failures = self._failures.setdefault(network, deque(maxlen=self._most))
        self._failures.move_to_end(network)
        failures.append(now)
        if len(self._failures) > _ADDRESSES:
            self._failures.popitem(last=False)

    def succeeded(self, address: str, credential: str) -> None:
        key = _digest(network_of(address), credential)
        self._let_in[key] = None
        self._let_in.move_to_end(key)
        if len(self._let_in) > _CREDENTIALS:
            self._let_in.popitem(last=False)


def network_of(address: str) -> str:
    """Who has one IPv6 address has 2^64 of them: these count as one."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return f"{int(found) >> (128 - _NETWORK_BITS):x}/{_NETWORK_BITS}"


def _digest(network: str, credential: str) -> bytes:
    return hashlib.sha256(f"{network} {credential}".encode(errors="surrogatepass")).digest()
