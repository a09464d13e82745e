"""`homeport token`: personal access tokens, one's own and those of service accounts."""

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from homeport.cli import objects
from homeport.cli.confirm import confirm
from homeport.cli.connect import connect
from homeport.cli.grammar import noun
from homeport.cli.id_argument import id_argument
from homeport.cli.nouns import ACCESS_TOKEN
from homeport.cli.options import (
    Chosen,
    ContextOption,
    LimitOption,
    OutputFormat,
    OutputOption,
    SearchOption,
    Shown,
    SortOption,
    WatchOption,
    YesOption,
    given,
)
from homeport.cli.output import print_plain, print_table
from homeport.cli.shared_verbs import add_delete, add_get
from homeport.cli.token_limits import (
    Budgets,
    ConcurrentRequests,
    RequestsPerMinute,
    TokensPerMinute,
    limits_of,
    print_usage,
)

if TYPE_CHECKING:
    from homeport.client.sync_client import Client

app = noun("Access tokens: what programs and this command show to get in.")
TokenId = Annotated[str, id_argument(ACCESS_TOKEN)]
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@app.command("create")
def create(
    name: Annotated[str, typer.Option("--name", help="What it is for.")],
    owner: Annotated[str, typer.Option("--owner", metavar="OWNER", help="user/ID or service_account/ID.")] = "",
    permission: Annotated[
        list[str] | None, typer.Option("--permission", help="It may do no more than this. May be repeated.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option("--model", help="A deployment or model that it may invoke. May be repeated.")
    ] = None,
    expires_in: Annotated[str, typer.Option("--expires-in", metavar="30d", help="Also h, m, s. Default: never.")] = "",
    requests_per_minute: RequestsPerMinute = "",
    tokens_per_minute: TokensPerMinute = "",
    concurrent_requests: ConcurrentRequests = "",
    budget: Budgets = None,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Make an access token, and print it. It is shown only now.

    \b
    Examples:
      homeport token create --name laptop --expires-in 90d
      homeport token create --name shop --owner service_account/shop --permission deployments.invoke --model chat
      homeport token create --name trial --requests-per-minute 60 --budget tokens/month=5000000
    """
    asked = given(
        owner=owner,
        permissions=permission,
        models=model,
        expires_in_seconds=_seconds(expires_in, "--expires-in"),
        limits=limits_of(requests_per_minute, tokens_per_minute, concurrent_requests, budget),
    )
    with connect(context) as client:
        _print_text(client.access_tokens.make(name, **asked), output)


@app.command("list")
def list_(
    owner: Annotated[str, typer.Option("--owner", metavar="OWNER", help="Only those of this owner.")] = "",
    search: SearchOption = "",
    sort: SortOption = "",
    limit: LimitOption = None,
    watch: WatchOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """List your access tokens; an administrator sees all.

    \b
    Example:
      homeport token list --sort last_used_at
    """
    chosen = Chosen(limit, sort, search, filters={"owner": owner})
    objects.list_objects(ACCESS_TOKEN, Shown(output, watch, context), chosen)


add_get(app, ACCESS_TOKEN, "Show one access token, without its text.", "homeport token get 5f2c9e01ab34")


@app.command("limits")
def limits(
    token: TokenId,
    requests_per_minute: RequestsPerMinute = "",
    tokens_per_minute: TokensPerMinute = "",
    concurrent_requests: ConcurrentRequests = "",
    budget: Budgets = None,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Show or change how much a token may use.

    What is not named stays as it is. Gateways know of a change within seconds.

    \b
    Examples:
      homeport token limits 5f2c9e01ab34
      homeport token limits 5f2c9e01ab34 --requests-per-minute 120 --tokens-per-minute none
      homeport token limits 5f2c9e01ab34 --budget tokens/month=5000000 --budget requests/day=10000
    """
    named = limits_of(requests_per_minute, tokens_per_minute, concurrent_requests, budget)
    with connect(context) as client:
        if named:
            client.access_tokens.change(token, limits=named)
        usage = client.access_tokens.get(token).status["usage"]
    if output is OutputFormat.TABLE:
        print_usage(usage)
    else:
        print_plain({"usage": usage}, output)


@app.command("site-usage")
def site_usage(
    token: TokenId,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Show what a token asked of local gateways, by day.

    Sites that were cut off tell it when they are back.

    \b
    Example:
      homeport token site-usage 5f2c9e01ab34
    """
    with connect(context) as client:
        usage = client.access_tokens.site_usage(token)
    if output is not OutputFormat.TABLE:
        print_plain(usage, output)
        return
    rows = [
        [f"{datetime.fromtimestamp(each['day'], UTC):%Y-%m-%d}", each["deployment_id"]]
        + [f"{each[name]:,}" for name in ("requests", "tokens")]
        for each in usage["days"]
    ]
    print_table(["DAY", "DEPLOYMENT", "REQUESTS", "TOKENS"], rows)


@app.command("rotate")
def rotate(
    token: TokenId,
    overlap: Annotated[
        str, typer.Option("--overlap", metavar="1h", help="How long the old text goes on (d, h, m, s). Default: 0.")
    ] = "",
    yes: YesOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Give an access token a new text, and print it.

    With an overlap both texts are accepted for a while, so that nothing fails while you put the new one in place.

    \b
    Example:
      homeport token rotate 5f2c9e01ab34 --overlap 1h
    """
    seconds = _seconds(overlap, "--overlap") or 0.0
    with connect(context) as client:
        if not yes and not seconds:
            confirm(f"end the text of token {token} now", lambda: _consequences(client, token), token)
        _print_text(client.access_tokens.rotate(token, seconds), output)


add_delete(
    app, ACCESS_TOKEN, "Revoke an access token, after saying whom that hits.", "homeport token delete 5f2c9e01ab34"
)


def _consequences(client: "Client", token: str) -> list[str]:
    from homeport.cli.consequences import consequences

    return consequences(client, ACCESS_TOKEN, token)


def _print_text(made: dict[str, Any], output: OutputFormat) -> None:
    if output is OutputFormat.TABLE:
        print(f"Token {made['id']}. Keep its text now, it is not shown again:\n\n  {made['token']}\n")
    else:
        print_plain(made, output)


def _seconds(text: str, option: str) -> float | None:
    """`90d`, `1h`, `30m`, `10s`; None for nothing."""
    if not text:
        return None
    match = re.fullmatch(r"(\d+)([smhd])", text)
    if match is None:
        raise typer.BadParameter(
            f"{text!r} is no time: write 90d, 12h, 30m or 10s", param_hint="--expires-in, --overlap"
        )
    return float(match[1]) * _SECONDS[match[2]]
