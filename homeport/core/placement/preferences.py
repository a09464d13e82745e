"""What makes one node better than another beside how well it packs: labels that are preferred, an image that is there.

Preferred labels come before packing, since somebody asked for them. An image decides only between nodes that pack about
as well: it saves a download once, and a bad fit costs for as long as the replica runs.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from homeport.core.placement.affinity import LabelTerm
from homeport.core.placement.types import Candidate, Wanted

Ints = NDArray[np.int64]

# In buckets of the packing's score, each a tenth of a device. More than any node is worth:
_LABEL = 1_000_000
_IMAGE = 2


def favours(node: Candidate, wanted: Wanted) -> Iterator[str]:
    """In words."""
    for term in wanted.affinity.prefer:
        if term.matches(node.node_labels):
            yield f"{term.key}={node.node_labels[term.key]}"
    if wanted.image and wanted.image in node.inventory.images:
        yield "the image is there"


class Preferences:
    """It is told of every node. `row` gives a node's row in the packer."""

    def __init__(self, row: Callable[[str], int]) -> None:
        self._row = row
        self._with_image: defaultdict[str, set[str]] = defaultdict(set)
        self._images: dict[str, tuple[str, ...]] = {}
        # Of each nodepool and term: the rows that match. Forgotten when one of its nodes changes.
        self._matching: defaultdict[str, dict[LabelTerm, Ints]] = defaultdict(dict)

    def put(self, node: Candidate) -> None:
        self._matching.pop(node.nodepool, None)
        self._note_images(node.node_id, node.inventory.images)

    def remove(self, node: Candidate) -> None:
        self._matching.pop(node.nodepool, None)
        self._note_images(node.node_id, ())

    def bonus(
        self, wanted: Wanted, rows: Ints, pools: Iterable[str], nodes_of: Callable[[str], Collection[Candidate]]
    ) -> Ints | None:
        """Of each of these rows, which are nodes of these nodepools. None = all are alike."""
        with_image = self._with_image.get(wanted.image) if wanted.image else None
        if not (with_image or wanted.affinity.prefer) or not len(rows):
            return None
        by_row = np.zeros(int(rows.max()) + 1, dtype=np.int64)
        if with_image:
            _add(by_row, np.array([self._row(node_id) for node_id in with_image], dtype=np.int64), _IMAGE)
        for pool in pools if wanted.affinity.prefer else ():
            for term in wanted.affinity.prefer:
                _add(by_row, self._matching_rows(pool, term, nodes_of), _LABEL)
        bonus: Ints = by_row.take(rows)
        return bonus

    def _matching_rows(self, pool: str, term: LabelTerm, nodes_of: Callable[[str], Collection[Candidate]]) -> Ints:
        known = self._matching[pool]
        if term not in known:
            matching = [self._row(node.node_id) for node in nodes_of(pool) if term.matches(node.node_labels)]
            known[term] = np.array(matching, dtype=np.int64)
        return known[term]

    def _note_images(self, node_id: str, images: tuple[str, ...]) -> None:
        before = self._images.pop(node_id, ())
        if images:
            self._images[node_id] = images
        if before == images:
            return
        for image in before:
            self._with_image[image].discard(node_id)
            if not self._with_image[image]:
                del self._with_image[image]
        for image in images:
            self._with_image[image].add(node_id)


def _add(by_row: Ints, rows: Ints, weight: int) -> None:
    """Rows beyond the end are of no interest."""
    by_row[rows[rows < len(by_row)]] += weight
