"""What stops when an object is deleted, in words. The server refuses what would orphan something."""

import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from homeport.cli.nouns import ACCESS_TOKEN, DEPLOYMENT, JOIN_TOKEN, NODE, Noun
from homeport.core.errors import ErrorCode, HomeportError

if TYPE_CHECKING:
    from homeport.client.sync_client import Client


def consequences(client: "Client", noun: Noun, object_id: str) -> list[str]:
    """Raises NOT_FOUND, and IN_USE when the server would refuse: better before the question than after it."""
    if noun is JOIN_TOKEN:
        return ["A host that has not used it yet cannot join with it."]
    impact = noun.collection(client).impact(object_id)
    if noun is ACCESS_TOKEN:
        return token_consequences(impact)
    if impact["blocked_by"]:
        raise HomeportError(
            ErrorCode.IN_USE,
            f"{noun.word} {object_id} is needed by {_names(impact['blocked_by'])}",
            hint="delete or change those first",
        )
    lines = [_stops(impact["stops"])]
    if impact["objects"]:
        kinds = Counter(each["kind"] for each in impact["objects"])
        lines.append(f"Deleted with it: {' and '.join(_count(number, kind) for kind, number in kinds.items())}.")
    if noun is DEPLOYMENT:
        lines.append("Requests for it are answered with an error.")
    if noun is NODE:
        lines.append("It is turned away from then on; to come back its host needs a new join token.")
    return lines


def token_consequences(impact: dict[str, Any]) -> list[str]:
    """Whom it would hit."""
    from homeport.cli.text import duration

    used = impact["last_used_at"]
    last = f"last used {duration(time.time() - used)} ago" if used else "never used"
    lines = [f"It is a token of {impact['owner']}, {last}."]
    if impact["objects"]:
        lines.append(f"Named as the credential of {_names(impact['objects'])}.")
    if impact["invokes"]:
        deployments = [{"kind": "deployment", "id": id} for id in impact["invokes"]]
        lines.append(f"Whoever has it can invoke {_names(deployments)}.")
    others = impact["other_tokens"]
    lines.append(f"{others or 'No'} other token{'' if others == 1 else 's'} of {impact['owner']} will go on.")
    return lines


def _stops(counts: dict[str, int]) -> str:
    stopping = [_count(number, kind) for kind, number in counts.items() if number]
    return f"{' and '.join(stopping)} will stop." if stopping else "Nothing that runs will stop."


def _count(number: int, kind: str) -> str:
    """2 replicas, 1 replica."""
    word = kind.replace("_", " ").removesuffix("s")
    return f"{number} {word}{'' if number == 1 else 's'}"


def _names(objects: list[Any]) -> str:
    """Up to ten of them."""
    names = [f"{each['kind']}/{each['id']}" for each in objects]
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(names[:10]) + more
