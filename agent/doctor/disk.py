"""Room on the disk that holds the agent's state."""

import os
from dataclasses import dataclass

from agent.doctor.finding import Finding, Host, fail, ok, warn

_CHECK = "disk"
_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes; inodes are 0 on file systems that make them as needed."""

    total: int
    free: int
    inodes: int
    free_inodes: int


def check_disk(host: Host) -> list[Finding]:
    path = host.state_dir
    while not path.exists():
        path = path.parent
    facts = os.statvfs(path)
    room = Room(facts.f_blocks * facts.f_frsize, facts.f_bavail * facts.f_frsize, facts.f_files, facts.f_favail)
    return [judge_room(str(path), room)]


def judge_room(path: str, room: Room) -> Finding:
    free = f"{room.free / _GIB:.1f} of {room.total / _GIB:.1f} GiB free at {path}"
    clean = "remove what is not needed, for instance: docker image prune"
    if room.free < _GIB:
        return fail(_CHECK, free, f"the agent needs 1 GiB to keep its state and logs; {clean}")
    if room.inodes and room.free_inodes < room.inodes // 100:
        return fail(_CHECK, f"{room.free_inodes} of {room.inodes} inodes free at {path}", clean)
    if room.free < 10 * _GIB:
        return warn(_CHECK, free, f"images and weights need room; {clean}")
    if room.inodes and room.free_inodes < room.inodes // 20:
        return warn(_CHECK, f"{room.free_inodes} of {room.inodes} inodes free at {path}", clean)
    return ok(_CHECK, free)
