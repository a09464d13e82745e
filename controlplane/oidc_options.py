"""What the server is told about an OpenID provider."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from controlplane.auth.oidc.settings import OidcSettings, is_trustworthy


@dataclass(frozen=True, slots=True)
class OidcOptions:
    issuer: str
    client_id: str
    client_secret_file: Path
    groups_claim: str
    username_claim: str
    ca_file: Path | None
    known_users_only: bool

    def settings(self, redirect_uri: str) -> OidcSettings:
        """Raises OSError for a secret that cannot be read."""
        return OidcSettings(
            self.issuer,
            self.client_id,
            self.client_secret_file.read_text().strip(),
            redirect_uri,
            self.groups_claim,
            self.username_claim,
            str(self.ca_file or ""),
            new_users=not self.known_users_only,
        )


def add_oidc_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("signing in at an OpenID provider")
    group.add_argument("--oidc-issuer", default="", metavar="URL", help="who says who somebody is")
    group.add_argument("--oidc-client-id", default="", metavar="ID", help="as which this server is registered there")
    group.add_argument("--oidc-client-secret-file", type=Path, metavar="FILE", help="holds the secret of that client")
    group.add_argument(
        "--oidc-groups-claim", default="groups", metavar="CLAIM", help="says in which groups somebody is"
    )
    group.add_argument(
        "--oidc-username-claim", default="preferred_username", metavar="CLAIM", help="what new users are called"
    )
    group.add_argument("--oidc-ca-file", type=Path, metavar="FILE", help="trust this CA there, not the system's")
    group.add_argument(
        "--oidc-known-users-only", action="store_true", help="let nobody in whom no administrator has made a user"
    )


def take_oidc_options(given: dict[str, object]) -> tuple[OidcOptions | None, str]:
    """What is given under their names goes out of `given`. (None without --oidc-issuer, what is wrong)."""
    values = {name.removeprefix("oidc_"): given.pop(name) for name in list(given) if name.startswith("oidc_")}
    if not values["issuer"]:
        told = values["client_id"] or values["client_secret_file"]
        return None, "--oidc-client-id and --oidc-client-secret-file go with --oidc-issuer" if told else ""
    if not values["client_id"] or not values["client_secret_file"]:
        return None, "--oidc-issuer needs --oidc-client-id and --oidc-client-secret-file"
    options = OidcOptions(**values)  # type: ignore[arg-type]
    if not is_trustworthy(options.issuer):
        return None, "--oidc-issuer must begin with https://; http:// is for this machine only"
    for flag, file in (("--oidc-client-secret-file", options.client_secret_file), ("--oidc-ca-file", options.ca_file)):
        if file is not None and not file.is_file():
            return None, f"{flag} {file} is no file that can be read"
    return options, ""
