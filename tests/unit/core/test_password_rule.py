import pytest

from homeport.core.password_rule import normalised, problem_with


@pytest.mark.parametrize(
    ("password", "says"),
    [
        ("correct horse battery", ""),
        ("elevenchars", "12 to 256"),
        ("twelve chars", ""),
        ("x" * 300, "12 to 256"),
        ("abababababab", "5 different"),
        ("anna-the-first", "user's id"),
        ("anna-the-firstANNA-the-FIRST", "user's id"),
        ("ein schönes Pferd", ""),
    ],
)
def test_what_a_password_must_be(password: str, says: str) -> None:
    problem = problem_with(password, "anna-the-first")
    assert says in problem
    assert bool(says) == bool(problem)
    assert password not in problem


def test_letters_are_the_same_however_they_are_composed() -> None:
    assert normalised("scho\u0308n") == normalised("sch\u00f6n")
