"""The state folder of an embedded cloud: its logs, its lock, and the record of its process."""

import fcntl
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorRecord:
    """The facts with which another process can use or stop an emulator.

    Attributes:
        pid: Its process id. It leads the process group, to which its handlers belong too.
        endpoint_url: Address of every AWS service.
    """

    pid: int
    endpoint_url: str


@dataclass(frozen=True, slots=True)
class StateFolder:
    """The state folder of an embedded cloud.

    Attributes:
        path: The folder; it may not exist yet.
    """

    path: Path

    @property
    def emulator_log(self) -> Path:
        """Output of the emulator."""
        return self.path / "emulator.log"

    @property
    def environments_log(self) -> Path:
        """Output of the builds of virtual environments."""
        return self.path / "environments.log"

    @property
    def deployment_log(self) -> Path:
        """Output of the CDK CLI."""
        return self.path / "deployment.log"

    @property
    def outputs(self) -> Path:
        """Outputs of the stacks of the last deployment."""
        return self.path / "outputs.json"

    @property
    def cdk_home(self) -> Path:
        """Cache of the CDK CLI. It caches the account of an access key, so each cloud needs a cache of its own."""
        return self.path / "cdk-home"

    @property
    def temporary(self) -> Path:
        """Temporary files of the emulator and its handlers."""
        return self.path / "tmp"

    @property
    def images(self) -> Path:
        """Task roots of the images that were deployed."""
        return self.path / "images"

    @property
    def lock(self) -> Path:
        """File that a running emulator holds locked."""
        return self.path / "emulator.lock"

    @property
    def _record(self) -> Path:
        return self.path / "emulator.json"

    def prepare(self, *, fresh: bool) -> None:
        """Make the folder. With `fresh`, remove what an earlier cloud left in it."""
        if fresh:
            for folder in (self.temporary, self.cdk_home, self.images):
                shutil.rmtree(folder, ignore_errors=True)
            for file in (self.emulator_log, self.environments_log, self.deployment_log, self.outputs, self._record):
                file.unlink(missing_ok=True)
        self.temporary.mkdir(parents=True, exist_ok=True)

    def is_alive(self) -> bool:
        """Whether an emulator runs here, which means that it holds the lock."""
        if not self.lock.exists():
            return False
        with self.lock.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def write_record(self, record: EmulatorRecord) -> None:
        """Write the record of the emulator that runs here, for other processes."""
        aside = self._record.with_suffix(".new")
        aside.write_text(json.dumps(asdict(record)))
        aside.replace(self._record)

    def living_emulator(self) -> EmulatorRecord | None:
        """Return the record of the emulator that runs here; None when none runs, even if an old record is there."""
        if not self.is_alive() or not self._record.exists():
            return None
        return EmulatorRecord(**json.loads(self._record.read_text()))

    def forget(self) -> None:
        """Remove the record, unless another emulator runs here now."""
        if not self.is_alive():
            self._record.unlink(missing_ok=True)
