"""Images that an engine has already."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from homeport.core.image_name import full_image_name

# A host that builds has thousands; those that serve models are few, and big.
_MOST = 64
_NAMELESS = "<none>"


def image_names(listed: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Of the engine's list: tags, and digests of what has no tag. The newest first, no more than a few dozen."""
    newest_first = sorted(listed, key=lambda image: -float(image.get("Created") or 0))
    names = dict.fromkeys(name for image in newest_first for name in _names(image))
    return tuple(islice(names, _MOST))


def _names(image: Mapping[str, Any]) -> Iterator[str]:
    named = [tag for tag in image.get("RepoTags") or () if _NAMELESS not in tag]
    for name in named or (digest for digest in image.get("RepoDigests") or () if _NAMELESS not in digest):
        yield full_image_name(name)
