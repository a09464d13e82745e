"""Tracks: what runs of a deployment is one track, or several where revisions run side by side.

To nodes, tunnels and the scheduler's account a track is what a deployment is: with budgets, replicas, a hold queue and
an autoscaler of its own. Only the control plane and the gateways know whose it is. So a node needs to know nothing of
revisions side by side, and neither does an agent of an older release.
"""

_BETWEEN = "@"


def deployment_of(track_id: str) -> str:
    """No deployment's id has the sign in it."""
    return track_id.partition(_BETWEEN)[0]


def free_track(deployment_id: str, taken: set[str]) -> str:
    """The first that is not taken: the deployment's own id, then `chat@1`, `chat@2`, ..."""
    number, id = 0, deployment_id
    while id in taken:
        number += 1
        id = f"{deployment_id}{_BETWEEN}{number}"
    return id
