"""What the host's administrator does not allow is not started, and the refusal says which line would allow it."""

import os
from dataclasses import replace

from agent.drivers.driver import StartRefused, StartRequest
from agent.policy import POLICY_FILE, HostPolicy
from homeport.core.workload import Mount


def allowed(request: StartRequest, policy: HostPolicy) -> StartRequest:
    """The request with the links in its mounts followed, so that what was checked is what is mounted.

    Raises StartRefused.
    """
    if not request.image:
        raise StartRefused("the workload has no image")
    if not policy.allows_image(request.image):
        raise _refusal(f"image {request.image}", "image_prefixes", request.image.rpartition("/")[0] or request.image)
    for uuid in request.gpu_uuids:
        if not policy.allows_device(uuid):
            raise _refusal(f"GPU {uuid}", "devices", uuid)
    mounts = tuple(_allowed_mount(mount, policy) for mount in request.container.mounts)
    return replace(request, container=replace(request.container, mounts=mounts))


def _allowed_mount(mount: Mount, policy: HostPolicy) -> Mount:
    source = os.path.realpath(mount.source)
    if not policy.allows_mount(source):
        where = mount.source if source == mount.source else f"{mount.source} (that is {source})"
        raise _refusal(f"mounting {where}", "mount_prefixes", source)
    if not os.path.exists(source):
        raise StartRefused(f"{mount.source} is to be mounted, and is not on this host or hidden from the agent")
    return replace(mount, source=source)


def _refusal(what: str, setting: str, value: str) -> StartRefused:
    return StartRefused(f'{what} is not allowed on this host; to allow it, add "{value}" to {setting} in {POLICY_FILE}')
