"""What must not run at this site, whoever asks: the agent looks for itself, so that a mistake at the centre, or a
change that it has not got round to yet, lets nothing across."""

from agent.placement import Placement
from homeport.core.residency import is_inside


def is_beyond(placement: Placement) -> bool:
    return not is_inside(placement.policy.residency, placement.site_labels)
