"""The command tree, and how the command ends."""

import os
import sys

import typer

from homeport.cli import (
    any_object,
    apply,
    audit,
    chat,
    cluster,
    context,
    deploy,
    deployment,
    deployment_verbs,
    explain,
    gateway,
    instance_type,
    join_token,
    login,
    logs,
    model,
    node,
    nodepool,
    plan,
    project,
    rebalance,
    role_binding,
    secret,
    server,
    service_account,
    status,
    team,
    token,
    user,
    version,
    whoami,
)
from homeport.cli.dev import command as dev
from homeport.cli.grammar import NounGroup
from homeport.core.errors import HomeportError

app = typer.Typer(
    name="homeport",
    cls=NounGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Run models on machines you own, wherever they stand, from one place.

\b
Start here:
  homeport dev                              everything on this machine, with a sample model
  homeport status                           what runs where
  homeport chat smollm2-chat "Hello!"       talk to a deployment
  homeport apply -f deployment.yaml         make it so: create or change what the file says

Objects are managed as `homeport NOUN VERB`, for instance `homeport deployment list`. Every --help has examples.
""",
)
app.command("dev")(dev.dev)
app.command("status")(status.status)
app.command("apply")(apply.apply)
app.command("deploy")(deploy.deploy)
app.command("chat")(chat.chat)
app.command("logs")(logs.logs)
app.command("explain")(explain.explain)
app.command("scale")(deployment_verbs.scale)
app.command("plan")(plan.plan)
app.command("rebalance")(rebalance.rebalance)
app.command("get")(any_object.get)
app.command("edit")(any_object.edit)
app.command("delete")(any_object.delete)
app.add_typer(cluster.app, name="cluster")
app.add_typer(nodepool.app, name="nodepool")
app.add_typer(instance_type.app, name="instance-type")
app.command("list-instances", hidden=True)(instance_type.list_)
app.add_typer(node.app, name="node")
app.add_typer(model.app, name="model")
app.add_typer(deployment.app, name="deployment")
app.add_typer(project.app, name="project")
app.add_typer(secret.app, name="secret")
app.add_typer(join_token.app, name="join-token")
app.add_typer(gateway.app, name="gateway")
app.add_typer(user.app, name="user")
app.add_typer(service_account.app, name="service-account")
app.add_typer(team.app, name="team")
app.add_typer(role_binding.app, name="role-binding")
app.add_typer(token.app, name="token")
app.command("login")(login.login)
app.command("logout")(login.logout)
app.command("whoami")(whoami.whoami)
app.add_typer(audit.app, name="audit")
app.add_typer(context.app, name="context")
app.command("server", context_settings=server.PASS_ALL, add_help_option=False)(server.server)
app.command("version")(version.version)


def main() -> None:
    """Exit codes: 0 done, 1 failed (one block on stderr says why), 2 wrong usage, 130 interrupted."""
    try:
        app()
    except HomeportError as error:
        from homeport.cli.error_block import print_error

        print_error(error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader (head, less) left. Python flushes stdout once more at exit: give it somewhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()
