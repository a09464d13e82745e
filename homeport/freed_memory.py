"""What becomes of memory that was freed."""

# Reads and writes of bodies take blocks of up to 256 KiB.
_LARGEST = 4 * 1024 * 1024


def keep_freed_memory() -> None:
    """For processes that pass bodies on: blocks of their size are used again.

    glibc gives more than a few hundred KiB that were freed back to the system at once, and the next blocks have their
    pages made and cleared anew. Freeing one block of this size moves that limit to twice its size (mallopt(3),
    M_TRIM_THRESHOLD). Other C libraries are left as they are.
    """
    bytes(_LARGEST)
