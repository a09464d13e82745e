"""The model of a form is found however the bytes come, and what passes on is what came."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homeport.gateway.routing.form_model import FormModel, boundary_of

names = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1, max_size=40)
contents = st.binary(max_size=200).filter(lambda content: b"--b-1" not in content)


@given(names, st.lists(contents, max_size=3), st.integers(0, 3), st.data())
def test_it_is_found_wherever_it_stands_and_however_it_is_cut(
    model: str, files: list[bytes], at: int, data: st.DataObject
) -> None:
    parts = [b'Content-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + content for content in files]
    parts.insert(at, b"content-disposition:form-data;name=model\r\nX-A: b\r\n\r\n" + model.encode())
    body = b"".join(b"--b-1\r\n%b\r\n" % part for part in parts) + b"--b-1--\r\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=6)))
    form = FormModel(b"b-1")
    for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True):
        form.feed(body[start:end])
    assert form.is_decided
    assert form.model == model
    assert form.body("") == body
    parts[min(at, len(files))] = b"content-disposition:form-data;name=model\r\nX-A: b\r\n\r\nother"
    assert form.body("other") == b"".join(b"--b-1\r\n%b\r\n" % part for part in parts) + b"--b-1--\r\n"


def test_a_field_of_another_name_or_kind_is_none() -> None:
    for headers in ('attachment; name="models"', 'form-data; name="the model"', "form-data", 'form-data; x="model"'):
        form = FormModel(b"b")
        form.feed(f"--b\r\nContent-Disposition: {headers}\r\n\r\ntiny\r\n--b--\r\n".encode())
        assert (form.is_decided, form.model) == (True, "")


@pytest.mark.parametrize("body", [b"--b\r\n" + b"x" * 10_000, b"--b\r\nx: y\r\n\r\n\r\n" * 1000])
def test_what_is_no_sensible_form_is_given_up(body: bytes) -> None:
    form = FormModel(b"b")
    form.feed(body)
    assert (form.is_decided, form.model) == (True, "")


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        (b"multipart/form-data; boundary=abc", b"abc"),
        (b'Multipart/Form-Data; charset=utf-8; boundary="a b:c"', b"a b:c"),
        (b"multipart/form-data", b""),
        (b"multipart/mixed; boundary=abc", b""),
        (b"multipart/form-data; boundary=" + b"x" * 71, b""),
        (b'multipart/form-data; boundary="a\x01b"', b""),
        (b"application/json", b""),
        (b"", b""),
    ],
)
def test_boundaries(content_type: bytes, boundary: bytes) -> None:
    assert boundary_of(content_type) == boundary
    assert re.fullmatch(rb"[ -~]*", boundary)
