"""`homeport whoami`: as whom the server knows this context's token."""

import time

from homeport.cli.connect import connect
from homeport.cli.options import ContextOption, OutputFormat, OutputOption
from homeport.cli.output import print_plain, print_table


def whoami(output: OutputOption = OutputFormat.TABLE, context: ContextOption = "") -> None:
    """Show who you are here, and what you may do.

    \b
    Example:
      homeport whoami
    """
    with connect(context) as client:
        found = client.whoami()
    if output is not OutputFormat.TABLE:
        print_plain(found, output)
        return
    print(f"{found['subject']}, with token {found['token_name']} ({found['token_id']})")
    if found["session"] and found["expires_at"]:
        print(f"The session ends {time.strftime('%Y-%m-%d %H:%M', time.localtime(found['expires_at']))} at the latest.")
    for name in ("permissions", "models"):
        if found[name] is not None:
            print(f"The token is limited to the {name} {', '.join(found[name])}.")
    print_table(["ROLE", "IN"], [[each["role"], each["scope"]] for each in found["roles"]], empty="no role yet")
