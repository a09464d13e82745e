"""Whether an agent runs on the host that it ran on before."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hardware:
    """What tells one host from another. Empty = not known. Disks and memory are no part of it: they come and go."""

    machine_id: str = ""
    product_uuid: str = ""
    # Of network cards.
    addresses: tuple[str, ...] = ()
    gpu_uuids: tuple[str, ...] = ()


def is_other(known: Hardware, shown: Hardware) -> bool:
    """Whether more of what both tell differs than agrees: a new card or system is no other host, a new board is."""
    agreeing = [_agrees(before, now) for before, now in _pairs(known, shown) if before and now]
    return 2 * sum(agreeing) < len(agreeing)


def learned(known: Hardware, shown: Hardware) -> Hardware:
    """What could not be told this time is remembered."""
    return Hardware(
        shown.machine_id or known.machine_id,
        shown.product_uuid or known.product_uuid,
        shown.addresses or known.addresses,
        shown.gpu_uuids or known.gpu_uuids,
    )


def _pairs(known: Hardware, shown: Hardware) -> list[tuple[frozenset[str], frozenset[str]]]:
    return list(zip(_traits(known), _traits(shown), strict=True))


def _traits(of: Hardware) -> list[frozenset[str]]:
    names = (frozenset({of.machine_id} - {""}), frozenset({of.product_uuid} - {""}))
    return [*names, frozenset(of.addresses), frozenset(of.gpu_uuids)]


def _agrees(before: frozenset[str], now: frozenset[str]) -> bool:
    """One of several cards is enough."""
    return bool(before & now)
