"""`homeport secret`: values that models need and that nobody is shown."""

from typing import Annotated

import typer

from homeport.cli import objects
from homeport.cli.connect import connect
from homeport.cli.grammar import noun
from homeport.cli.id_argument import id_argument
from homeport.cli.nouns import SECRET
from homeport.cli.options import (
    Chosen,
    ContextOption,
    DescriptionOption,
    FileOption,
    LimitOption,
    OutputFormat,
    OutputOption,
    ProjectOption,
    SearchOption,
    Shown,
    SortOption,
    WatchOption,
    given,
)
from homeport.cli.secret_values import EnvFileOption, FromFileOption, LiteralOption, StdinOption, given_values
from homeport.cli.shared_verbs import add_delete, add_get
from homeport.cli.spec_source import spec_from

app = noun("Values that models need and that nobody is shown: tokens, passwords, certificates.")
SecretId = Annotated[str, id_argument(SECRET)]


@app.command("create")
def create(
    secret: Annotated[str, typer.Argument(metavar="SECRET", help="The new id.")] = "",
    from_stdin: StdinOption = "",
    from_file: FromFileOption = None,
    from_env_file: EnvFileOption = "",
    from_literal: LiteralOption = None,
    project: ProjectOption = "",
    description: DescriptionOption = "",
    file: FileOption = "",
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """Make a secret. Its values are never shown again.

    \b
    Examples:
      homeport secret create hub --from-stdin token
      homeport secret create tls --from-file cert.pem=server.pem --from-file key.pem=server.key
      homeport secret create keys --from-env-file .env --project vision
    """
    values = given_values(from_literal, from_file, from_env_file, from_stdin)
    flags = given(data=values, project=project, description=description)
    spec = spec_from(file, SECRET.root, {"id": secret} if secret else {}, flags, "SECRET")
    objects.create_object(SECRET, spec, Shown(output, context=context))


@app.command("list")
def list_(
    project: Annotated[str, typer.Option("--project", help="Only those of this project.")] = "",
    search: SearchOption = "",
    sort: SortOption = "",
    limit: LimitOption = None,
    watch: WatchOption = False,
    output: OutputOption = OutputFormat.TABLE,
    context: ContextOption = "",
) -> None:
    """List secrets: their keys, never their values.

    \b
    Example:
      homeport secret list --project vision
    """
    chosen = Chosen(limit, sort, search, filters={"project": project})
    objects.list_objects(SECRET, Shown(output, watch, context), chosen)


add_get(app, SECRET, "Show one secret, without its values.", "homeport secret get hub")


@app.command("update")
def update(
    secret: SecretId,
    from_stdin: StdinOption = "",
    from_file: FromFileOption = None,
    from_env_file: EnvFileOption = "",
    from_literal: LiteralOption = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", metavar="KEY", help="May be repeated.")] = None,
    description: DescriptionOption = "",
    context: ContextOption = "",
) -> None:
    """Change or add values; the others stay.

    Deployments that use a changed value get a new revision, so their replicas are replaced.

    \b
    Examples:
      homeport secret update hub --from-stdin token
      homeport secret update tls --from-file cert.pem=new.pem --remove old.pem
    """
    values = given_values(from_literal, from_file, from_env_file, from_stdin)
    data: dict[str, str | None] = {**values, **dict.fromkeys(remove or [])}
    patch = given(data=data, description=description)
    if not patch:
        raise typer.BadParameter("say what is to change, for instance --from-stdin KEY")
    with connect(context) as client:
        edited = client.secrets.edit(secret, patch)
    print(f"secret {secret} changed" if edited.changes else f"secret {secret} is as it was")


add_delete(app, SECRET, "Delete a secret that nothing uses.", "homeport secret delete hub")
