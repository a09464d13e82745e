"""Bytes as a network delivers them: in pieces that nobody chose, none of them empty."""

from hypothesis import strategies as st


def cut(whole: bytes, data: st.DataObject) -> list[bytes]:
    places = sorted(data.draw(st.sets(st.integers(1, max(1, len(whole) - 1)), max_size=12)))
    return [whole[start:end] for start, end in zip([0, *places], [*places, len(whole)], strict=True) if start < end]
