"""Editing an object as YAML: read, change in an editor, send what differs."""

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeport.cli.changes import change_lines, text_of
from homeport.cli.connect import connect
from homeport.cli.describe import leaves
from homeport.cli.error_block import print_error
from homeport.cli.explain import forecast_lines
from homeport.cli.nouns import Noun
from homeport.cli.output import yaml_of
from homeport.client.merge_patch import merge_patch
from homeport.core.errors import ErrorCode, HomeportError

if TYPE_CHECKING:
    from homeport.client.resource import Edited, Resource
    from homeport.client.sync_client import Client

_HEADER = "# Change {reference}, save, and leave the editor. An unchanged or empty file changes nothing.\n"
# What the person can mend in the editor; anything else ends the command.
_MENDABLE = (ErrorCode.INVALID_ARGUMENT, ErrorCode.NOT_FOUND)


def edit_object(noun: Noun, object_id: str, dry_run: bool, context: str) -> None:
    with connect(context) as client:
        before = noun.collection(client).get(object_id)
        text = _HEADER.format(reference=f"{noun.word} {object_id}") + yaml_of({noun.root: before.spec})
        draft = _Draft(noun, object_id)
        try:
            edited = _until_accepted(client, noun, before, draft, text, dry_run)
        except HomeportError as error:
            raise _with_draft(error, draft, before.spec) from None
    draft.discard()
    if edited is None:
        print("nothing changed")
        return
    print(f"{noun.word} {object_id} {'would change' if dry_run else 'changed'}:")
    print("\n".join(change_lines(edited.changes)) or "  nothing: it says the same in other words")
    if edited.resource.forecast:
        print("\n".join(f"  {line}" for line in forecast_lines(edited.resource.forecast)))


def _until_accepted(
    client: "Client", noun: Noun, before: "Resource", draft: "_Draft", text: str, dry_run: bool
) -> "Edited | None":
    """None when the person left it unchanged. What is wrong is shown on top of the file, which is opened again."""
    shown = text
    while True:
        answer = draft.open(shown)
        if answer in (shown, text) or not _without_comments(answer):
            return None
        try:
            patch = merge_patch(before.spec, _spec_of(answer, noun))
            if not patch:
                return None
            generation = before.generation
            return noun.collection(client).edit(before.id, patch, generation=generation, dry_run=dry_run)
        except HomeportError as error:
            if error.code not in _MENDABLE:
                raise
            if not sys.stdin.isatty():
                raise
            print_error(error)
            shown = _explained(error) + _without_header(answer)


class _Draft:
    """The file under edit. It outlives a failure, so that nobody types anything twice."""

    def __init__(self, noun: Noun, object_id: str) -> None:
        prefix = f"homeport-{noun.kind}-{object_id.replace('/', '-')}-"
        handle, name = tempfile.mkstemp(prefix=prefix, suffix=".yaml")
        os.close(handle)
        self.path = Path(name)

    def open(self, text: str) -> str:
        """What the file says after the person has left the editor."""
        self.path.write_text(text)
        command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
        try:
            code = subprocess.run([*shlex.split(command), str(self.path)], check=False).returncode
        except OSError as error:
            raise HomeportError(
                ErrorCode.INVALID_ARGUMENT,
                f"cannot start the editor {command!r}: {error.strerror}",
                hint="set EDITOR to one that is installed: EDITOR=nano homeport edit ...",
            ) from None
        if code != 0:
            raise HomeportError(ErrorCode.INVALID_ARGUMENT, f"the editor {command!r} ended with code {code}")
        return self.path.read_text()

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)


def _spec_of(text: str, noun: Noun) -> dict[str, Any]:
    from homeport.schema.documents import load_documents

    documents = load_documents(text)
    body = documents[0].get(noun.root) if len(documents) == 1 else None
    if not isinstance(body, dict):
        raise HomeportError(ErrorCode.INVALID_ARGUMENT, f"the file must hold one `{noun.root}:` document")
    return body


def _with_draft(error: HomeportError, draft: _Draft, read: dict[str, Any]) -> HomeportError:
    """Both sides of a conflict, and where the text is."""
    hint = f"{error.hint}; " if error.hint else ""
    return HomeportError(
        error.code,
        "\n  ".join([error.message, *_sides(error.details, read)]),
        hint=f"{hint}what you wrote is kept in {draft.path}",
        path=error.path,
    )


def _sides(details: dict[str, Any], read: dict[str, Any]) -> list[str]:
    """What others did to the spec that was read, and where that meets what the person did."""
    met = {each["path"]: each for each in details.get("conflicts", [])}
    before, now = (dict(leaves(spec)) for spec in (read, details.get("current", {}).get("spec", {})))
    lines = []
    for path in {**before, **now}:
        if before.get(path) == now.get(path):
            continue
        side = next((side for whole, side in met.items() if f"{path}.".startswith((f"{whole}.", f"{whole}["))), None)
        if side is not None:
            lines.append(f"{side['path']}: yours {text_of(side['yours'])}, now {text_of(side['theirs'])}")
        else:
            lines.append(f"{path}: was {before.get(path, '(none)')}, now {now.get(path, '(none)')}")
    return list(dict.fromkeys(lines))


def _explained(error: HomeportError) -> str:
    lines = [f"# error: {error.message}"]
    lines += [f"# {name}: {value}" for name, value in (("path", error.path), ("hint", error.hint)) if value]
    return "\n".join(lines) + "\n"


def _without_header(text: str) -> str:
    lines = text.splitlines(keepends=True)
    while lines and lines[0].startswith("#"):
        del lines[0]
    return "".join(lines)


def _without_comments(text: str) -> str:
    return "".join(line for line in text.splitlines() if not line.startswith("#")).strip()
