# pomhealth as an image: `docker build -t pomhealth:0.1.0 .`
# It runs beside a replica's container, in that one's network and process namespaces: docs/docker.md.

# Tags can move: for production, name both images with their digests,
# --build-arg BUILD=python:…@sha256:… --build-arg BASE=…/python3-debian13:nonroot@sha256:…
# Both have the same minor version of Python (3.13, Debian 13's), for which the compiled modules are.
ARG BUILD=python:3.13.7-slim-trixie
ARG BASE=gcr.io/distroless/python3-debian13:nonroot

FROM ${BUILD} AS build
WORKDIR /opt/pomhealth
# What changes least comes first. Wheels alone, each by its hash: nothing is compiled, on any processor.
COPY requirements-runtime.lock /tmp/
RUN python3 -m venv --without-pip . \
 && python3 -m pip --python bin/python3 install --quiet --disable-pip-version-check --no-cache-dir --no-compile \
    --require-hashes --only-binary=:all: --requirement=/tmp/requirements-runtime.lock
COPY scripts/pomhealth bin/pomhealth
COPY pomhealth /tmp/pomhealth
# Bytecode cannot be kept at run time, so it is made here, without the date of its source: every build gives the same.
# The environment is then handed to the Python of the other image, which is Debian's.
RUN mv /tmp/pomhealth "$(bin/python3 -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" \
 && bin/python3 -m compileall -q --invalidation-mode unchecked-hash lib \
 && sed -i '1s,.*,#!/opt/pomhealth/bin/python3,' bin/pomhealth \
 && chmod 755 bin/pomhealth \
 && find bin -type f ! -name pomhealth -delete && rm -rf include .gitignore \
 && ln -sf /usr/bin/python3 bin/python3 \
 && printf 'home = /usr/bin\ninclude-system-site-packages = false\n' > pyvenv.cfg

# Python and the C library: no shell, no package manager.
FROM ${BASE}
ARG BASE
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="pomhealth" \
      org.opencontainers.image.description="Measures the health of a Pomerium replica from beside it" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="${BASE}"
COPY --from=build /opt/pomhealth /opt/pomhealth
# In a container the agent's end is the replica's: SIGTERM takes the replica out of rotation and waits for its
# connections, up to POMHEALTH_DRAIN_LIMIT (90 s). Docker kills after 10 s unless told: --stop-timeout 100.
ENV PATH=/opt/pomhealth/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    POMHEALTH_DRAIN_ON_STOP=true
# The user that Pomerium's nonroot image has. Who shares the replica's user needs no capability to see its processes.
USER 65532:65532
# It loads every module, so a base of another Python fails here and not in production.
RUN ["/opt/pomhealth/bin/python3", "-c", "import pomhealth.cli.main, pomhealth.cli.run, pomhealth.agent.run, pomhealth.publish.page, pomhealth.publish.metrics.exposition, pomhealth.watch.view.app, sqlite3"]
EXPOSE 28081
STOPSIGNAL SIGTERM
# interval      it is for `docker ps` and for who waits for this container; a load balancer asks /readyz itself
# timeout       above the 3 s after which the command gives up, so that it can say why
# start-period  a replica may take a minute to start; the first good answer ends it
# retries       one answer that a busy machine lost is no verdict; the agent itself has weighed what it tells
# It exits with 0 or 1, never 2, and prints a line a failing check (Docker keeps 4 KiB).
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=2 \
  CMD ["/opt/pomhealth/bin/pomhealth", "health", "--timeout", "3"]
ENTRYPOINT ["/opt/pomhealth/bin/pomhealth"]
CMD ["run"]
