"""Plans on a fleet that is made for each."""

from collections.abc import Iterable

from homeport.core.placement.fleet import Fleet
from homeport.core.placement.place import place
from homeport.core.placement.types import Candidate, Plan, Wanted


def fleet_of(nodes: Iterable[Candidate]) -> Fleet:
    fleet = Fleet()
    for node in nodes:
        fleet.put(node)
    return fleet


def plan(wanted: Wanted, nodes: Iterable[Candidate]) -> Plan:
    return place(wanted, fleet_of(nodes))
