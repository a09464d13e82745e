"""What machines cost."""

from controlplane.fleet.catalogue import catalogue
from controlplane.store.store import Kind, Store
from homeport.core.placement.price import Prices


def price_of(store: Store, instance_type: str) -> float | None:
    """US dollars an hour; one's own instance type before that of the catalogue. None = not known."""
    own = store.get(Kind.INSTANCE_TYPE, instance_type)
    if own is not None:
        price: float | None = own.spec["price_per_hour"]
        return price
    known = catalogue().get(instance_type)
    return known.price_per_hour if known else None


def prices_in(store: Store, nodepool: str) -> Prices | None:
    """Of one node of it: those of its cheapest and its dearest instance type. None = none is known."""
    record = store.get(Kind.NODEPOOL, nodepool)
    types = [each["id"] for each in record.spec.get("instance_types", ())] if record else []
    prices = [price for id in types if (price := price_of(store, id)) is not None]
    return (min(prices), max(prices)) if prices else None
