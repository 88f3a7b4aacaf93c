"""Follows the instructions of one stage of a Dockerfile on a folder, without Docker.

No program of a Dockerfile is run. What an image of a Python function needs is known:

* `COPY`, also `--from=` another stage
* `RUN` of `pip install`, of uv or of pip, with `-r` and `--target`: the lock is installed for this machine. A lock
  without hashes is refused. `rm` removes. `chmod` and `python -m compileall` are left out: the code is the same without
  byte code.
* `ENV`, `ARG` with a default or a build argument, `WORKDIR`; `CMD` in JSON form, which names the handler
"""

import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Self

from tsunagu.dockerfiles import Instruction, argument_values, assignments, fill
from tsunagu.errors import EmbeddedCloudError
from tsunagu.local.cdk_command import run_logged
from tsunagu.local.environments import clean_environment, uv_command

TASK_ROOT = "/var/task"
_OF_THE_BASE = {"LAMBDA_TASK_ROOT": TASK_ROOT}
_LEFT_OUT = {"LABEL", "USER", "EXPOSE", "HEALTHCHECK", "SHELL", "STOPSIGNAL", "MAINTAINER"}
_WITHOUT_EFFECT = re.compile(r"(\S*/)?python[0-9.]* -m compileall\b.*|chmod .*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What the stages of one image have in common.

    Attributes:
        context: The build context.
        python: Interpreter for which packages are installed.
        log_path: Log of the installations.
        arguments: Values for `ARG`, by name.
        outer: Values of the `ARG` before the first stage.
    """

    context: Path
    python: Path
    log_path: Path
    arguments: Mapping[str, str]
    outer: Mapping[str, str]


@dataclass(slots=True)
class BuiltStage:
    """The files of one stage, and its settings.

    Attributes:
        root: Folder of its file system.
        build: What it has in common with the others.
        variables: What `ENV` and `ARG` have set.
        environment: What `ENV` has set.
        folder: Working folder.
        command: The last `CMD`.
    """

    root: Path
    build: Build
    variables: dict[str, str] = field(default_factory=lambda: dict(_OF_THE_BASE))
    environment: dict[str, str] = field(default_factory=dict)
    folder: str = TASK_ROOT
    command: list[str] = field(default_factory=list)

    @classmethod
    def start(cls, root: Path, build: Build, base: Self | None) -> Self:
        """Begin with the files and settings of another stage, or with AWS's image, whose task root is empty."""
        if base is None:
            root.mkdir()
            return cls(root, build)
        shutil.copytree(base.root, root)
        environment = dict(base.environment)
        return cls(root, build, _OF_THE_BASE | environment, environment, base.folder, list(base.command))

    def place(self, path: str) -> Path:
        """Return the place of a path of the image on this machine.

        Raises:
            EmbeddedCloudError: The path leaves the image.
        """
        found = (self.root / PurePosixPath(self.folder, path).relative_to("/")).resolve()
        if not found.is_relative_to(self.root.resolve()):
            msg = f"a path of a Dockerfile must be in the image, got {path!r}"
            raise EmbeddedCloudError(msg)
        return found

    def follow(self, instruction: Instruction, origin: Self | None) -> None:
        """Do what an instruction says.

        Args:
            instruction: The instruction.
            origin: The stage that a `COPY` copies from. Default: the build context.

        Raises:
            EmbeddedCloudError: It cannot be followed without Docker; or an installation failed.
        """
        word, rest = instruction.word, instruction.rest
        if word == "COPY":
            # What is copied from another image is a tool, such as uv, that has nothing to do here.
            if origin is not None or "from" not in instruction.options:
                self._copy([self._filled(each) for each in instruction.arguments], origin)
        elif word == "RUN":
            self._run(self._filled(rest))
        elif word == "ENV":
            values = {name: self._filled(value) for name, value in assignments(instruction).items()}
            self.variables |= values
            self.environment |= values
        elif word == "ARG":
            self.variables |= argument_values(instruction, self.build.outer, self.build.arguments)
        elif word == "WORKDIR":
            self.folder = str(PurePosixPath(self.folder, self._filled(rest)))
        elif word == "CMD" and (command := instruction.strings()):
            self.command = command
        elif word not in _LEFT_OUT:
            msg = f"the embedded cloud must know an instruction of a Dockerfile to follow it, got {word} {rest[:64]}"
            raise EmbeddedCloudError(msg)

    def _filled(self, text: str) -> str:
        return fill(text, self.variables, unset="")

    def _copy(self, words: Sequence[str], origin: Self | None) -> None:
        *sources, target = words
        for source in sources:
            found = self.build.context / source if origin is None else origin.place(source)
            if not found.exists():
                msg = f"COPY of a Dockerfile must name what exists, got {source!r}"
                raise EmbeddedCloudError(msg)
            place = self.place(target)
            if found.is_dir():
                shutil.copytree(found, place, dirs_exist_ok=True)
            else:
                is_folder = target.endswith(("/", ".")) or place.is_dir() or len(sources) > 1
                place = place / found.name if is_folder else place
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(found, place)

    def _run(self, line: str) -> None:
        line = " ".join(word for word in line.split() if not word.startswith("--mount="))
        for command in (each.strip() for each in line.split("&&")):
            words = shlex.split(command)
            if words[:1] == ["rm"]:
                self._remove([word for word in words[1:] if not word.startswith("-")])
            elif not _WITHOUT_EFFECT.fullmatch(command):
                self._install(command, words)

    def _remove(self, paths: Sequence[str]) -> None:
        for path in map(self.place, paths):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def _install(self, command: str, words: Sequence[str]) -> None:
        lock, target = _after(words, "-r", "--requirement", "--requirements"), _after(words, "-t", "--target")
        if "pip" not in words or "install" not in words or lock is None or target is None:
            msg = f"RUN of a Dockerfile must be pip install -r … --target … or compileall, got {command[:64]!r}"
            raise EmbeddedCloudError(msg)
        folder = self.place(target)
        install = [uv_command(), "pip", "install", "--python", str(self.build.python), "--require-hashes", "--no-deps"]
        install += ["--target", str(folder), "--requirements", str(self.place(lock))]
        run_logged(install, "uv must install the packages of an image", clean_environment(), self.build.log_path)
        (folder / ".lock").unlink(missing_ok=True)  # uv's own


def _after(words: Sequence[str], *names: str) -> str | None:
    """Return the value of an option, in one word or two."""
    for index, word in enumerate(words):
        if word in names and index + 1 < len(words):
            return words[index + 1]
        for name in names:
            if word.startswith(f"{name}="):
                return word.partition("=")[2]
    return None
