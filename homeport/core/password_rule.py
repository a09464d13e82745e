"""What a password must be. Length is what counts against guessing; composed and decomposed letters are the same."""

import unicodedata

SHORTEST = 12
LONGEST = 256
_FEWEST_DIFFERENT = 5


def normalised(password: str) -> str:
    """However the keyboard has composed its letters."""
    return unicodedata.normalize("NFKC", password)


def problem_with(password: str, user_id: str) -> str:
    """What is wrong with a new password, without showing it; empty when nothing is."""
    plain = normalised(password)
    if not SHORTEST <= len(plain) <= LONGEST:
        return f"a password has {SHORTEST} to {LONGEST} characters, this one has {len(plain)}"
    if len(set(plain)) < _FEWEST_DIFFERENT:
        return f"a password has at least {_FEWEST_DIFFERENT} different characters"
    if plain.casefold().replace(user_id.casefold(), "") == "":
        return "a password is not the user's id"
    return ""
