"""The folder of one embedded cloud: what lives in it, and what it wrote."""

import fcntl
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorRecord:
    """What another process must know to use or stop an emulator.

    Attributes:
        pid: Its process, which leads the process group that its handlers are in too.
        endpoint_url: Address of every AWS service.
    """

    pid: int
    endpoint_url: str


@dataclass(frozen=True, slots=True)
class StateFolder:
    """The folder of one embedded cloud.

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
        """What the CDK CLI remembers: it caches an account by its key, so each cloud needs its own."""
        return self.path / "cdk-home"

    @property
    def temporary(self) -> Path:
        """Temporary files of the emulator and its handlers."""
        return self.path / "tmp"

    @property
    def lock(self) -> Path:
        """File that a living emulator holds locked."""
        return self.path / "emulator.lock"

    @property
    def _record(self) -> Path:
        return self.path / "emulator.json"

    def prepare(self, *, fresh: bool) -> None:
        """Make the folder; with `fresh`, remove what an earlier cloud left in it."""
        if fresh:
            for folder in (self.temporary, self.cdk_home):
                shutil.rmtree(folder, ignore_errors=True)
            for file in (self.emulator_log, self.environments_log, self.deployment_log, self.outputs, self._record):
                file.unlink(missing_ok=True)
        self.temporary.mkdir(parents=True, exist_ok=True)

    def is_alive(self) -> bool:
        """Whether an emulator lives here: whether one still holds the lock."""
        if not self.lock.exists():
            return False
        with self.lock.open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def write_record(self, record: EmulatorRecord) -> None:
        """Tell other processes of the emulator that lives here."""
        aside = self._record.with_suffix(".new")
        aside.write_text(json.dumps(asdict(record)))
        aside.replace(self._record)

    def living_emulator(self) -> EmulatorRecord | None:
        """Return the emulator that lives here; a record that outlived its emulator counts as none."""
        if not self.is_alive() or not self._record.exists():
            return None
        return EmulatorRecord(**json.loads(self._record.read_text()))

    def forget(self) -> None:
        """Remove the record, unless another emulator lives here by now."""
        if not self.is_alive():
            self._record.unlink(missing_ok=True)
