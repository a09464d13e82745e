"""Names of images, as engines and people write them."""

_HOME = "docker.io/"
_LIBRARY = "library/"


def full_image_name(name: str) -> str:
    """One spelling for one image: without the home of names that have none, and with a tag."""
    short = name.removeprefix(_HOME).removeprefix(_LIBRARY)
    last = short.rpartition("/")[2]
    return short if ":" in last or "@" in last else f"{short}:latest"
