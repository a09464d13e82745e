"""Two agents with one identity: the one that has the session keeps it, if it is alive."""

import asyncio

from controlplane.sessions.sessions import OpenSession

_LOOK_SECONDS = 0.1
# What was on its way when the other came proves nothing.
_SIGNS_OF_LIFE = 2


async def outlives(holder: OpenSession, process_id: str, heartbeat_seconds: float) -> bool:
    """Whether another agent holds this identity: it goes on speaking after this one, a process of its own, has come.

    The session of an agent that was killed is over at once, or, behind a broken link, stays silent until the time is
    over. Processes of agents that do not name theirs are taken for one.
    """
    if not process_id or not holder.claim.process_id or holder.claim.process_id == process_id:
        return False
    heard, loop = holder.messages, asyncio.get_running_loop()
    end = loop.time() + _SIGNS_OF_LIFE * heartbeat_seconds + 1
    while loop.time() < end and not holder.over:
        if holder.messages - heard >= _SIGNS_OF_LIFE:
            return True
        await asyncio.sleep(_LOOK_SECONDS)
    return False
