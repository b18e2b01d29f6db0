"""Users that have a token of their own: what `/Me` means to whoever sends it."""

import itertools
import json
import os
import subprocess
import urllib.request
from collections.abc import Mapping
from pathlib import Path

# The tenant of `serve --sandbox`, for `token create`, which asks whether there is one; where its org is does not matter.
CONFIGURATION = """
[tenant.sandbox.salesforce]
url = "https://nowhere.my.salesforce.com"
flow = "client-credentials"
client_id = "none"
client_secret = "none"
"""

NUMBERS = itertools.count(1)


class People:
    """Makes users on a bridge that runs in a folder, and tokens that are theirs."""

    def __init__(self, binary: str, base: str, token: str, folder: str) -> None:
        self.binary, self.base, self.token, self.folder = binary, base, token, Path(folder)
        # A proxy of this machine is not for a server on it.
        self.http = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> "People":
        """Those that `variables` told of, in another process."""
        return cls(*(variables[f"SUITES_{name}"] for name in ("BINARY", "BASE", "TOKEN", "FOLDER")))

    def variables(self) -> dict[str, str]:
        told = {"BINARY": self.binary, "BASE": self.base, "TOKEN": self.token, "FOLDER": str(self.folder)}
        return {f"SUITES_{name}": value for name, value in told.items()}

    def create(self, endpoint: str, resource: dict) -> str:
        """The id of a new user or group."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/scim+json"}
        request = urllib.request.Request(f"{self.base}/{endpoint}", json.dumps(resource).encode(), headers)
        with self.http.open(request, timeout=30) as answer:
            return json.load(answer)["id"]

    def new(self) -> str:
        """The token of a new user, which may do all that the bridge's first token may."""
        # Two processes count for themselves.
        name = f"me-{os.getpid()}-{next(NUMBERS)}@example.com"
        self.create("Users", {"userName": name})
        file = self.folder / "tenant.toml"
        file.write_text(CONFIGURATION)
        command = [self.binary, "token", "create", "--config", file, "--tenant", "sandbox", "--name", name, "--user", name]
        done = subprocess.run(
            [*command, "--scope", "scim", "--scope", "admin"],
            cwd=self.folder, stdout=subprocess.PIPE, text=True, check=True, timeout=60,
        )
        return done.stdout.split()[-1]
