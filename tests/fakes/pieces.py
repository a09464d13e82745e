"""Bytes as a network delivers them: in pieces that nobody chose."""

from hypothesis import strategies as st


def cut(whole: bytes, data: st.DataObject) -> list[bytes]:
    places = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=12)))
    return [whole[start:end] for start, end in zip([0, *places], [*places, len(whole)], strict=True)]
