"""How many requests will be there, working and waiting, when a replica that is ordered now is ready."""

from math import exp


def load_ahead(load: float, slots: float, rate: float, service_seconds: float, seconds: float) -> float:
    """`load` requests are there, `slots` of them are worked on at once; `rate` more come per second.

    While more are there than slots, the slots end `slots / service_seconds` of them per second; from then on each goes
    at its own time, and the load nears `rate * service_seconds`.
    """
    if load > slots:
        falling = slots / service_seconds - rate
        if falling * seconds <= load - slots:
            return load - falling * seconds
        seconds -= (load - slots) / falling
        load = slots
    left = exp(-seconds / service_seconds)
    return load * left + rate * service_seconds * (1 - left)
