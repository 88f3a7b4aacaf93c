"""Checks a Dockerfile before anything builds it: its base images, what it copies and installs, and its command."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tsunagu.cdk.assets.base_images import BaseImage, check_base
from tsunagu.cdk.assets.files import Files
from tsunagu.cdk.assets.package import HandlerPackage
from tsunagu.cdk.assets.platform import Platform
from tsunagu.dockerfiles import Dockerfile, Instruction, Stage
from tsunagu.errors import AssetError

# The build context: the task root without the dependencies, and the lock of these.
TASK = "task"
LOCK = "requirements.txt"

_INSTALL = re.compile(r"\bpip[0-9.]*\s+install\b")
_HASHES = "--require-hashes"
_BYTE_CODE = "compileall"
_RUNTIME_CLIENT = "awslambdaric"
_WILDCARDS = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedDockerfile:
    """A Dockerfile to check, with what is around it.

    Attributes:
        path: The Dockerfile, for errors.
        text: Its text.
        package: The handler package.
        context: Files of the build context.
        is_locked: Whether the lock of the package has requirements.
        platform: Platform of the function.
        build_arguments: Values of `ARG`.
    """

    path: Path
    text: str
    package: HandlerPackage
    context: Files
    is_locked: bool
    platform: Platform
    build_arguments: dict[str, str]

    def check(self) -> None:
        """Check the stages that the image consists of. Docker does not build the others.

        Raises:
            AssetError: A rule is broken; the message names file and line.
        """
        dockerfile = Dockerfile.parse(self.text, self.build_arguments)
        if not dockerfile.stages:
            msg = f"{self.path} must have a stage, got no FROM"
            raise AssetError(msg)
        needed = dockerfile.needed(dockerfile.stages[-1])
        for stage in needed:
            self._check_images(stage, dockerfile)
        instructions = [each for stage in needed for each in stage.instructions]
        self._check_copies(instructions)
        self._check_runs([each for each in instructions if each.word == "RUN"])
        last = dockerfile.line(dockerfile.stages[-1])
        self._check_entry_point(last[0].base, [each for stage in last for each in stage.instructions])

    def _place(self, instruction: Instruction) -> str:
        return f"{instruction.word} in {self.path}:{instruction.line}"

    def _check_images(self, stage: Stage, dockerfile: Dockerfile) -> None:
        if dockerfile.earlier(stage.base, stage) is None:
            check_base(stage.base, self._place(stage.start), stage, self.platform)
        for each in stage.instructions:
            origin = each.options.get("from")
            if each.word == "COPY" and origin and dockerfile.earlier(origin, stage) is None:
                check_base(origin, self._place(each), None, self.platform)

    def _check_copies(self, instructions: Sequence[Instruction]) -> None:
        copied: set[str] = set()
        for each in instructions:
            if each.word == "ADD":
                msg = f"{self._place(each)} must be COPY, because ADD can download what no lock pins, got {each.rest}"
                raise AssetError(msg)
            if each.word == "COPY" and "from" not in each.options and "<<" not in each.rest:
                sources = {source.removeprefix("./").strip("/") or "." for source in each.arguments[:-1]}
                for source in sources:
                    self._check_source(source, each)
                copied |= sources
        needed = [TASK, *([LOCK] if self.is_locked else [])]
        for name in needed:
            if not copied & {name, "."}:
                msg = f"{self.path} must COPY {name}, which the build context holds, got no COPY of it"
                raise AssetError(msg)

    def _check_source(self, source: str, instruction: Instruction) -> None:
        known = source == "." or source in self.context or any(name.startswith(f"{source}/") for name in self.context)
        if not known and not _WILDCARDS.search(source):
            msg = (
                f"{self._place(instruction)} must copy what the build context holds: {TASK}/ (the code as Lambda "
                f"imports it) and {LOCK} (the lock), got {source}"
            )
            raise AssetError(msg)

    def _check_runs(self, runs: Sequence[Instruction]) -> None:
        installs = [each for each in runs if _INSTALL.search(each.rest)]
        for each in installs:
            if _HASHES not in each.rest:
                msg = f"{self._place(each)} must install with {_HASHES}, so that only what is locked gets in, got none"
                raise AssetError(msg)
        if self.is_locked and not any(LOCK in each.rest for each in installs):
            msg = f"{self.path} must install {LOCK} with pip install {_HASHES} -r, got no such RUN"
            raise AssetError(msg)
        if self.platform.byte_code and not any(_BYTE_CODE in each.rest for each in runs):
            msg = f"{self.path} must RUN python -m {_BYTE_CODE}, because the platform has byte_code, got no such RUN"
            raise AssetError(msg)

    def _check_entry_point(self, base: str, instructions: Sequence[Instruction]) -> None:
        image = BaseImage.parse(base)
        if not image.has_python:
            msg = (
                f"{self.path} must end in a stage from an image of Python, such as AWS's lambda/python, so that its "
                f"tag says which Python it has, got {base}"
            )
            raise AssetError(msg)
        entry_points = [each for each in instructions if each.word == "ENTRYPOINT"]
        if image.is_of_lambda and entry_points:
            msg = f"{self._place(entry_points[-1])} must be left out: AWS's image starts the handler itself, got one"
            raise AssetError(msg)
        if not image.is_of_lambda and not any(_RUNTIME_CLIENT in each.rest for each in entry_points[-1:]):
            msg = (
                f"{self.path} must have an ENTRYPOINT that runs {_RUNTIME_CLIENT}, or start from AWS's image, got none"
            )
            raise AssetError(msg)
        self._check_command([each for each in instructions if each.word == "CMD"])

    def _check_command(self, commands: Sequence[Instruction]) -> None:
        expected = f'CMD ["{self.package.import_name}.{self.package.handler}"]'
        if not commands:
            msg = f"{self.path} must name its handler, {expected}, got no CMD"
            raise AssetError(msg)
        command = commands[-1]
        words = command.strings()
        prefix = f"{self.package.import_name}."
        if words is None or len(words) != 1 or not words[0].startswith(prefix):
            msg = f"{self._place(command)} must name a function of the handler package, {expected}, got {command.rest}"
            raise AssetError(msg)
        try:
            replace(self.package, handler=words[0].removeprefix(prefix)).check_handler(self.platform)
        except AssetError as error:
            msg = f"{self._place(command)}: {error}"
            raise AssetError(msg) from error
