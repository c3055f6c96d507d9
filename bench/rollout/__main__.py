"""Rolling restarts behind a load balancer, under load: does a request fail?

`python -m bench.rollout --restarts 10 --order systemd,ecs,kubernetes --balancer envoy`; without options every order,
behind every balancer that is installed (half an hour). The exit status is 1 where a request failed although an agent
drained.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from bench.ending import end_in_order
from bench.rollout.balancer import installed
from bench.rollout.measure import run
from bench.rollout.orders import NAMES
from bench.rollout.pace import BRISK, USUAL
from bench.rollout.stage import BALANCERS


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.rollout", description=__doc__)
    parser.add_argument("--restarts", type=int, default=10)
    parser.add_argument("--order", default=",".join(NAMES), help=f"of {', '.join(NAMES)}")
    parser.add_argument("--balancer", default=",".join(_here()), help=f"of {', '.join(BALANCERS)}")
    parser.add_argument(
        "--tcp", action="store_true", help="the balancer passes bytes on, TLS is the replicas'"
    )
    parser.add_argument("--brisk", action="store_true", help="short streams, quick checks: to try it")
    options = parser.parse_args(arguments)
    names, balancers = options.order.split(","), options.balancer.split(",")
    wrong = sorted(({*names} - {*NAMES}) | ({*balancers} - {*BALANCERS}))
    if wrong:
        parser.error(f"there is no {', '.join(wrong)}")
    end_in_order()
    text, good = run(
        restarts=options.restarts,
        names=names,
        balancers=balancers,
        pace=BRISK if options.brisk else USUAL,
        tcp=options.tcp,
    )
    print(text)
    return 0 if good else 1


def _here() -> list[str]:
    """The balancers that are installed."""
    return [name for name in BALANCERS if name != "haproxy" or installed("haproxy")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
