"""What a supervisor's files say of one replica and of the agent beside it. A template names each as `{{name}}`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from pomhealth import __version__


@dataclass(frozen=True, slots=True)
class Values:
    """The values of one place; the defaults are those of Pomerium's Linux package and image.

    `program` is pomhealth's own path, `config` the replica's configuration file, `user` and `group` what it runs as,
    `unit` the systemd unit that runs it. `listen` is the agent's HOST:PORT and
    `agent_port` that port alone, `own` the HOST:PORT of the replica's own health server, `main_port` the port of the replica's main listener. Seconds: `notice` (a load
    balancer notices), `limit` (a drain, notice included), `start_wait` (a start). `namespace` is Kubernetes'.

    `settings` is the agent's settings file where it is not the usual one, `meant` the configuration file of the
    replica that is meant where several may run; both are "" by default. `as_root` tells that the replica runs as root,
    `low_port` that it runs as another user and listens on a port that needs a right for that, `postgres` that its
    storage is PostgreSQL.
    """

    program: str = "/opt/pomhealth/bin/pomhealth"
    user: str = "pomerium"
    group: str = "pomerium"
    unit: str = "pomerium.service"
    config: str = "/etc/pomerium/config.yaml"
    listen: str = "127.0.0.1:28081"
    agent_port: int = 28081
    own: str = "127.0.0.1:28080"
    main_port: int = 443
    notice: float = 10
    limit: float = 90
    start_wait: float = 60
    pomerium_image: str = "pomerium/pomerium:v0.33.1"
    pomhealth_image: str = f"pomhealth:{__version__}"
    namespace: str = "pomerium"
    settings: str = ""
    meant: str = ""
    as_root: bool = False
    low_port: bool = True
    postgres: bool = True

    @property
    def stop_timeout(self) -> int:
        """Seconds that a supervisor allows for what ends with a drain: enough for the drain to tell why it did not end."""
        return math.ceil(self.limit) + 10

    @property
    def start_timeout(self) -> int:
        """Seconds that a supervisor allows for a start, which waits `start_wait` for the replica to serve."""
        return math.ceil(self.start_wait) + 30

    @property
    def grace_period(self) -> int:
        """Seconds that Kubernetes allows for a pod's end: the drain, then the replica's own end, then the agent's."""
        return math.ceil(self.limit) + 30

    @property
    def fargate_limit(self) -> int:
        """`limit` where a stop may take 120 seconds in all: with the replica's own end, a drain has 90 of them."""
        return min(math.ceil(self.limit), 90)

    @property
    def fargate_stop(self) -> int:
        """`stop_timeout` of such a drain."""
        return self.fargate_limit + 10

    @property
    def fargate_grace(self) -> int:
        """The same where one container holds the agent and the replica."""
        return self.fargate_limit + 30

    @property
    def notice_whole(self) -> int:
        """`notice` in whole seconds, for what knows no others."""
        return math.ceil(self.notice)

    @property
    def start_whole(self) -> int:
        """`start_wait` in whole seconds."""
        return math.ceil(self.start_wait)

    def named(self) -> Mapping[str, str | float | bool]:
        """Every value by the name that a template gives it."""
        return {**asdict(self), **{name: getattr(self, name) for name in DERIVED}}


DERIVED = {  # and from which value each follows
    "stop_timeout": "limit",
    "start_timeout": "start_wait",
    "grace_period": "limit",
    "fargate_limit": "limit",
    "fargate_stop": "limit",
    "fargate_grace": "limit",
    "notice_whole": "notice",
    "start_whole": "start_wait",
}
DEFAULTS = Values()
