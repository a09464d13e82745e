"""YAML documents from files, folders and standard input, each with where it came from."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homeport.core.errors import ErrorCode, HomeportError


@dataclass(frozen=True, slots=True)
class Document:
    source: str
    plain: dict[str, Any]

    @property
    def root(self) -> str:
        return next(iter(self.plain))


def read_documents(where: str) -> list[Document]:
    """`where` is a file, a folder (every *.yaml and *.yml below it but in hidden folders) or `-`, standard input."""
    found = [document for name, text in _texts(where) for document in _parse(name, text)]
    if not found:
        raise HomeportError(ErrorCode.INVALID_ARGUMENT, f"there is no document in {where}")
    return found


def read_spec(where: str, root: str) -> dict[str, Any]:
    """The body of the one document in a file, which must be of the kind `root`."""
    documents = read_documents(where)
    if len(documents) != 1 or documents[0].root != root:
        roots = ", ".join(document.root for document in documents)
        raise HomeportError(
            ErrorCode.INVALID_ARGUMENT,
            f"{where} must hold one `{root}:` document, it has {roots}",
            hint=f"for several objects: homeport apply -f {where}",
        )
    body = documents[0].plain[root]
    return body if isinstance(body, dict) else {}


def with_source(error: HomeportError, documents: list[Document]) -> HomeportError:
    """The server names a document by its number in the request; a person wants its file."""
    match = re.match(r"\[(\d+)\]\.?(.*)", error.path)
    if match is None or int(match[1]) >= len(documents):
        return error
    path = f"{documents[int(match[1])].source}: {match[2]}" if match[2] else documents[int(match[1])].source
    return HomeportError(error.code, error.message, hint=error.hint, path=path)


def _parse(name: str, text: str) -> list[Document]:
    from homeport.schema.documents import load_documents

    try:
        plains = load_documents(text)
    except HomeportError as error:
        raise HomeportError(error.code, error.message, hint=error.hint, path=f"{name} {error.path}".strip()) from None
    numbered = len(plains) > 1
    return [
        Document(f"{name} (document {number})" if numbered else name, plain)
        for number, plain in enumerate(plains, start=1)
    ]


def _texts(where: str) -> list[tuple[str, str]]:
    if where == "-":
        return [("standard input", sys.stdin.read())]
    path = Path(where)
    try:
        return [(str(file), file.read_text()) for file in (_files_below(path) if path.is_dir() else [path])]
    except OSError as error:
        raise HomeportError(ErrorCode.NOT_FOUND, f"cannot read {error.filename}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise HomeportError(ErrorCode.INVALID_ARGUMENT, f"{where} is not a text file") from None


def _files_below(folder: Path) -> list[Path]:
    found = [file for ending in ("*.yaml", "*.yml") for file in folder.rglob(ending) if file.is_file()]
    return sorted(file for file in found if not any(part.startswith(".") for part in file.relative_to(folder).parts))
