"""What to do next: addresses, and lines that work as they are printed."""

import json
import os
import shlex
import sys
from pathlib import Path

from homeport.cli.dev.sample import DEPLOYMENT, Sample
from homeport.client.contexts import Context

_WINNING = ("HOMEPORT_CONTEXT", "HOMEPORT_API", "HOMEPORT_GATEWAY", "HOMEPORT_TOKEN")


def print_summary(context: Context, sample: Sample) -> None:
    body = json.dumps({"model": DEPLOYMENT, "messages": [{"role": "user", "content": "Hello!"}]})
    programs = Path(sys.prefix) / "bin"
    homeport = shown(programs / "homeport")
    lines = [
        f"  API docs   {context.api}/api/v1/docs",
        f"  gateway    {context.gateway}/v1   (OpenAI-compatible; model: {DEPLOYMENT})",
        "",
        "Try, in another terminal:",
        "",
        f"  curl {context.gateway}/v1/chat/completions -H 'Authorization: Bearer {context.token}' "
        f"-H 'Content-Type: application/json' -d {shlex.quote(body)}",
        f"  {shown(programs / 'python')} {shown(sample.chat_example)}",
        f"  {homeport} status",
        f'  {homeport} chat {DEPLOYMENT} "Hello!"',
        "",
    ]
    set_here = [name for name in _WINNING if os.environ.get(name)]
    if set_here:
        lines += [f"Note: {', '.join(set_here)} in this environment wins over the context `dev`.", ""]
    lines.append("Ctrl-C stops everything.")
    print("\n".join(lines), flush=True)


def shown(path: Path) -> str:
    """As a person here would type it."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))
