"""Where the storage is and how to get in. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ANY = "any"


@dataclass(frozen=True, slots=True)
class Host:
    """One server of the list. `name` as the replica says it; `path` the socket's directory as seen from here, or ""."""

    name: str
    port: int
    path: str = ""

    @property
    def where(self) -> str:
        return f"[{self.name}]:{self.port}" if ":" in self.name else f"{self.name}:{self.port}"


@dataclass(frozen=True, slots=True)
class Target:
    """Where the storage is and how to get in.

    `parameters` is what libpq is told for every host (secrets among it); `attrs` the kind of server that is wanted;
    `timeout` the seconds for one host, None where the string names none; `key` the client's private key file, or "".
    """

    hosts: tuple[Host, ...]
    database: str
    user: str
    attrs: str = ANY
    timeout: float | None = None
    key: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def where(self) -> str:
        """For a person: HOST:PORT/DATABASE as USER, without a secret."""
        return f"{','.join(host.where for host in self.hosts)}/{self.database} as {self.user}"

    def psql(self, host: Host) -> str:
        """The command that asks for a session in the same place; it asks for the password."""
        mode = self.parameters.get("sslmode", "")
        tls = f" sslmode={mode}" if mode not in ("", "prefer") and not host.path else ""
        return f'psql "host={host.name} port={host.port} dbname={self.database} user={self.user}{tls}"'
