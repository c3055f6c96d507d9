"""The replica as a whole: its servers, its Envoy, its storage, and what it does when its configuration changes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from pomhealth.demo.ports import free_ports
from pomhealth.demo.standin import health, log, metrics, pages, xds
from pomhealth.demo.standin.admin import UNREACHABLE, Admin
from pomhealth.demo.standin.certificates import CertificateFiles
from pomhealth.demo.standin.clusters import Inside, clusters
from pomhealth.demo.standin.envoy import Envoy
from pomhealth.demo.standin.envoylog import EnvoyLog
from pomhealth.demo.standin.listeners import listeners
from pomhealth.demo.standin.notify import Notify
from pomhealth.demo.standin.options import Address, Options, load
from pomhealth.demo.standin.pairs import Rejected
from pomhealth.demo.standin.places import cache_directory, data_directory
from pomhealth.demo.standin.releases import Release
from pomhealth.demo.standin.routes import route_configuration
from pomhealth.demo.standin.storage import Store, store
from pomhealth.demo.standin.watch import Watch
from pomhealth.demo.standin.web import Handler, Site, listening

_READY_EVERY = 30.0  # seconds, as Pomerium asks Envoy's /ready
_HUNG = 90.0


class Replica:
    """One replica, from start to end. `run` gives the exit status."""

    def __init__(self, path: Path, release: Release, environment: Mapping[str, str]) -> None:
        self._path = path
        self._release = release
        self._environment = environment
        self._options = load(path, environment, release.version)
        self._book = health.Book()
        self._notify = Notify(self._book, self._checks, environment if release.health_server else {})
        self._reloads = metrics.Reloads(time.time())
        self._certificates = CertificateFiles(cache_directory(environment))
        self._envoy = Envoy(release, environment)
        self._admin = Admin(self._envoy.pipe)
        self._watch = Watch(path, environment)
        self._inside = Inside(0, 0, 0, 0, 0, "")
        self._sites: list[Site] = []
        self._redirect: Site | None = None
        self._redirect_at: Address | None = None
        self._store: Store | None = None
        self._storing: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._end = asyncio.Event()
        self._status = 0

    async def run(self) -> int:
        """Serves until SIGTERM or SIGINT (0), or until Envoy ends (1)."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end.set)
        loop.add_signal_handler(signal.SIGHUP, self._watch.force)
        try:
            await self._start()
            await self._end.wait()
            return self._status
        finally:
            await self._stop()

    async def _start(self) -> None:
        log.info("pomerium: starting", version=self._release.version, config=str(self._path))
        if self._release.health_server:
            await self._serve(
                pages.own_health(self._book, self._checks),
                self._options.health_address.host,
                self._options.health_address.port,
                reuse_port=True,
            )
        current = self._current
        self._inside = Inside(
            http=await self._serve(pages.control_plane(current)),
            authorize=await self._serve(pages.authorize(current)),
            metrics=await self._serve(pages.metrics(self._metrics_page, self._envoy_metrics)),
            grpc=await self._serve(pages.databroker(self._release.version)),
            egress=self._port_of_nobody(),
            admin_pipe=self._envoy.pipe,
        )
        self._report_services()
        self._envoy.prepare()
        self._give()
        self._start_envoy()
        await self._move_redirect()
        self._restore()
        self._tasks += [
            asyncio.ensure_future(work)
            for work in (
                self._hear_first_verdicts(),
                self._ask_ready_forever(),
                self._follow_configuration(),
                self._notify.run(),
            )
        ]

    async def _stop(self) -> None:
        """Everything at once, as Pomerium: what it serves itself first, Envoy drained and ended straight after."""
        self._book.terminating("envoy.server")
        self._notify.stopping()
        for task in (*self._tasks, *([self._storing] if self._storing else [])):
            task.cancel()
        await asyncio.gather(*(site.close() for site in self._sites), self._close_redirect())
        if self._envoy.exited() is None:
            with contextlib.suppress(*UNREACHABLE):
                await self._admin.post("/drain_listeners?graceful", deadline=0.5)
        await self._admin.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._envoy.stop()

    def _port_of_nobody(self) -> int:
        """One that is free, and that no listener of its own will ask for once Envoy runs."""
        own = self._options.ports
        return next(port for port in free_ports(len(own) + 1) if port not in own)

    def _current(self) -> Options:
        return self._options

    def _checks(self) -> tuple[str, ...]:
        options = self._options
        return health.required(options.services, options.storage, in_order=self._release.sorted_checks)

    def _report_services(self) -> None:
        for service in ("authenticate", "authorize", "proxy"):
            if self._options.runs(service):
                self._book.running(f"{service}.service")
        self._book.running("config.databroker.build")
        self._book.running("databroker.sync.initial")
        if self._options.runs("databroker"):
            self._book.running("databroker.cluster", member="leader")
        if self._release.extensions:
            self._book.running("envoy.extensions")

    async def _serve(
        self, handler: Handler, host: str = "127.0.0.1", port: int = 0, *, reuse_port: bool = False
    ) -> int:
        site = Site(handler, listening(host, port, reuse_port=reuse_port))
        await site.start()
        self._sites.append(site)
        return site.port

    def _give(self) -> dict[str, str | None]:
        """Gives Envoy what these options ask for; the version of each kind that is new to it."""
        options = self._options
        sources = self._certificates.sources(options.certificates)
        return {
            "cds": self._envoy.give("cds", clusters(options, self._release, self._inside)),
            "rds": self._envoy.give("rds", [route_configuration(options)]),
            "lds": self._envoy.give(
                "lds", listeners(options, self._inside, sources, self._envoy.source("rds"))
            ),
        }

    async def _hear_first_verdicts(self) -> None:
        none_yet = xds.Outcomes(0, 0)
        for kind in ("cds", "lds"):
            await self._report(kind, await xds.accepted(self._admin, kind, none_yet))
        # A main listener that was refused never asks for its routes: Pomerium reports them RUNNING all the same.
        answer = await xds.accepted(self._admin, "rds", none_yet, deadline=1.0)
        await self._report("rds", answer is not False)

    async def _give_again(self) -> None:
        before = {}
        with contextlib.suppress(*UNREACHABLE):
            before = {kind: await xds.outcomes(self._admin, kind) for kind in ("cds", "rds", "lds")}
        for kind, version in self._give().items():
            if version is not None and before:
                await self._report(kind, await xds.accepted(self._admin, kind, before[kind], deadline=3.0))

    async def _report(self, kind: str, accepted: bool | None) -> None:
        component = xds.component(kind)
        if accepted:
            self._book.running(component)
        elif accepted is not None:
            words = self._envoy_log.last_refusal
            with contextlib.suppress(*UNREACHABLE):
                words = await xds.refused_listeners(self._admin) if kind == "lds" else words
            self._book.error(component, words)
            log.error("xdsmgr: nack", error=words)

    def _start_envoy(self) -> None:
        """Starts Envoy, or restarts it hot: Pomerium does so when the level of its log changes."""
        self._envoy_log = EnvoyLog()
        self._envoy.start(self._inside, self._options.envoy_level, self._envoy_log.writer)
        self._tasks.append(asyncio.ensure_future(self._envoy_log.pass_on()))
        self._watch_envoy(self._envoy.pid)

    def _watch_envoy(self, pid: int) -> None:
        """Pomerium ends when its newest Envoy does. The kernel tells, through a descriptor of the process."""
        descriptor = os.pidfd_open(pid)

        def ended() -> None:
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)
            self._envoy.bury_older()
            if not self._end.is_set() and pid == self._envoy.pid:
                log.fatal("envoy: subprocess exited", service="envoy", status=self._envoy.exited())
                self._status = 1
                self._end.set()

        asyncio.get_running_loop().add_reader(descriptor, ended)

    async def _ask_ready_forever(self) -> None:
        await asyncio.sleep(1.0)
        while True:
            try:
                status, _ = await self._admin.get("/ready", deadline=_HUNG)
                if status == 200:
                    self._book.running("envoy.server")
                else:
                    self._book.error(
                        "envoy.server", f"unexpected http status code from ready endpoint : {status}"
                    )
            except UNREACHABLE as error:
                self._book.error("envoy.server", f"{type(error).__name__}: {error}")
            await asyncio.sleep(_READY_EVERY)

    async def _follow_configuration(self) -> None:
        while True:
            await self._watch.changed()
            try:
                options = load(self._path, self._environment, self._release.version)
            except Rejected as error:
                self._reloads.failed_once = True
                self._reloads.last_good = time.time()  # Pomerium's timestamp advances all the same
                log.error("config: error updating config", error=str(error))
                continue
            before, self._options = self._options, options
            self._reloads.count += 1
            self._reloads.last_good = time.time()
            log.info("config: updated config", checksum=options.digest[:16])
            if (before.storage, before.dsn) != (options.storage, options.dsn):
                self._restore()
            await self._move_redirect()
            if before.envoy_level != options.envoy_level:
                self._start_envoy()
            await self._give_again()

    async def _move_redirect(self) -> None:
        wanted = self._options.redirect_address
        if wanted == self._redirect_at:
            return
        await self._close_redirect()
        self._redirect_at = wanted
        if wanted is None:
            return
        try:
            self._redirect = Site(pages.redirect(self._current), listening(wanted.host, wanted.port))
        except OSError as error:
            log.error("failed to listen on http redirect addr", addr=str(wanted), error=str(error.strerror))
        else:
            await self._redirect.start()

    async def _close_redirect(self) -> None:
        site, self._redirect = self._redirect, None
        if site is not None:
            await site.close()

    def _restore(self) -> None:
        """Leaves the storage backend there was, if any, for the one that the options name."""
        if self._storing is not None:
            self._storing.cancel()
        for component in ("storage.backend", "storage.backend.cleanup"):
            self._book.entries.pop(component, None)
        if not self._options.runs("databroker"):
            return
        services = {}
        if self._options.metrics_address is not None:
            services["PROMETHEUS_METRICS"] = f"http://{self._options.metrics_address}/metrics"
        data = data_directory(self._environment, self._release)
        self._store = store(self._options, self._release, self._book, data, services)
        self._storing = asyncio.ensure_future(self._store.run())

    def _metrics_page(self) -> str:
        return metrics.page(
            release=self._release,
            host=os.uname().nodename,
            entries=self._book.entries,
            reloads=self._reloads,
            checksum=int(self._options.digest[:16], 16),
            routes=len(self._options.routes),
            server_version=self._store.server_version if self._store is not None else 0,
        )

    async def _envoy_metrics(self) -> bytes:
        try:
            _, body = await self._admin.get("/stats/prometheus")
        except UNREACHABLE:
            return b""
        return body
