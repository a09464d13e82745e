"""`homeport version`."""

from homeport import __version__
from homeport.cli.options import OutputFormat, OutputOption
from homeport.cli.output import print_plain


def version(output: OutputOption = OutputFormat.TABLE) -> None:
    """Print this command's version.

    `homeport status` shows the server's.
    """
    if output is OutputFormat.TABLE:
        print(f"homeport {__version__}")
    else:
        print_plain({"version": __version__}, output)
