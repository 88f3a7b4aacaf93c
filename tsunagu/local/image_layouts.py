"""Lays out the task root of container images, as their Dockerfiles would, without Docker.

A Dockerfile is read, and no program of it is run. What an image of a Python function needs is known:

* `FROM … AS name`: each stage begins with an empty file system. The base image is taken for AWS's Python image.
* `COPY`, also `--from=` another stage
* `RUN` of `pip install`, of uv or of pip, with `-r` and `--target`: the lock is installed for this machine. A lock
  without hashes is refused. `python -m compileall` is left out: the code is the same without byte code.
* `ENV`, `ARG` with a default, `WORKDIR`; `CMD` in JSON form, which names the handler
"""

import io
import json
import re
import shlex
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tsunagu.errors import EmbeddedCloudError
from tsunagu.local.cdk_command import run_logged
from tsunagu.local.environments import clean_environment, uv_command

TASK_ROOT = "/var/task"
_OF_THE_BASE = {"LAMBDA_TASK_ROOT": TASK_ROOT}
_LEFT_OUT = {"FROM", "LABEL", "USER", "EXPOSE", "HEALTHCHECK", "SHELL", "STOPSIGNAL", "MAINTAINER"}
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_BYTE_CODE = re.compile(r"(\S*/)?python[0-9.]* -m compileall\b.*")


@dataclass(slots=True)
class _Stage:
    """One stage of a Dockerfile.

    Attributes:
        root: Folder of its file system.
        variables: What `ENV` and `ARG` have set.
        environment: What `ENV` has set.
        folder: Working folder.
        command: The last `CMD`.
    """

    root: Path
    variables: dict[str, str] = field(default_factory=lambda: dict(_OF_THE_BASE))
    environment: dict[str, str] = field(default_factory=dict)
    folder: str = TASK_ROOT
    command: list[str] = field(default_factory=list)

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

    def filled(self, text: str) -> str:
        """Return `text` with the values of variables."""
        return _VARIABLE.sub(lambda match: self.variables.get(match[1] or match[2], ""), text)


def write_layouts(assembly: Path, folder: Path, functions_python: Path, log_path: Path) -> None:
    """Write the layout of each image of a cloud assembly, unless it is there: `<tag>.zip` and `<tag>.json`.

    Args:
        assembly: Folder of the cloud assembly.
        folder: Where the layouts are written.
        functions_python: Interpreter that runs the handlers; packages are installed for it.
        log_path: Log of the installations.

    Raises:
        EmbeddedCloudError: A Dockerfile has an instruction that cannot be followed; or an installation failed.
    """
    for manifest in sorted(assembly.rglob("*.assets.json")):
        images = json.loads(manifest.read_text()).get("dockerImages") or {}
        for image in images.values():
            source = image["source"]
            tags = {destination["imageTag"] for destination in image["destinations"].values()}
            for tag in sorted(tags):
                if not (folder / f"{tag}.json").exists() and "directory" in source:
                    context = manifest.parent / source["directory"]
                    layout = ImageLayout(context, functions_python, log_path)
                    layout.write(
                        folder,
                        tag,
                        dockerfile=source.get("dockerFile", "Dockerfile"),
                        target=source.get("dockerBuildTarget"),
                    )


class ImageLayout:
    """The layout of one image.

    Args:
        context: The build context.
        functions_python: Interpreter for which packages are installed.
        log_path: Log of the installations.
    """

    def __init__(self, context: Path, functions_python: Path, log_path: Path) -> None:
        self._context = context
        self._python = functions_python
        self._log_path = log_path
        self._stages: dict[str, _Stage] = {}

    def write(self, folder: Path, tag: str, *, dockerfile: str = "Dockerfile", target: str | None = None) -> None:
        """Write task root, command and environment of the image.

        Raises:
            EmbeddedCloudError: As `write_layouts`.
        """
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as aside:
            stage = self._build((self._context / dockerfile).read_text(), Path(aside), target)
            archive = _zipped(stage.root / PurePosixPath(TASK_ROOT).relative_to("/"))
        if not stage.command:
            msg = f"{dockerfile} must have a CMD in JSON form that names the handler, got none"
            raise EmbeddedCloudError(msg)
        (folder / f"{tag}.zip").write_bytes(archive)
        described = {"command": stage.command, "environment": stage.environment}
        (folder / f"{tag}.json").write_text(json.dumps(described))  # last: it says that the layout is whole

    def _build(self, text: str, aside: Path, target: str | None) -> _Stage:
        stage: _Stage | None = None
        arguments: dict[str, str] = {}
        for word, rest in _instructions(text):
            if word == "FROM":
                names = rest.split()
                name = names[2] if len(names) > 2 and names[1].upper() == "AS" else str(len(self._stages))  # noqa: PLR2004
                if stage is not None and target is not None and target in self._stages:
                    break
                stage = _Stage(aside / str(len(self._stages)))
                stage.root.mkdir()
                stage.variables |= arguments
                self._stages[name] = self._stages[str(len(self._stages))] = stage
            elif stage is None:  # ARG may come before the first stage
                arguments |= _assignments(word, rest)
            else:
                self._follow(stage, word, rest)
        if stage is None:
            msg = "a Dockerfile must have a stage, got no FROM"
            raise EmbeddedCloudError(msg)
        return stage

    def _follow(self, stage: _Stage, word: str, rest: str) -> None:
        if word == "COPY":
            self._copy(stage, shlex.split(stage.filled(rest)))
        elif word == "RUN":
            self._run(stage, stage.filled(rest))
        elif word in {"ENV", "ARG"}:
            values = {name: stage.filled(value) for name, value in _assignments(word, rest).items()}
            stage.variables |= values
            stage.environment |= values if word == "ENV" else {}
        elif word == "WORKDIR":
            stage.folder = str(PurePosixPath(stage.folder, stage.filled(rest)))
        elif word == "CMD" and rest.startswith("["):
            stage.command = json.loads(rest)
        elif word not in _LEFT_OUT:
            msg = f"the embedded cloud must know an instruction of a Dockerfile to follow it, got {word} {rest[:64]}"
            raise EmbeddedCloudError(msg)

    def _copy(self, stage: _Stage, words: Sequence[str]) -> None:
        options = [word for word in words if word.startswith("--")]
        *sources, target = [word for word in words if not word.startswith("--")]
        origin = next((option.removeprefix("--from=") for option in options if option.startswith("--from=")), None)
        if origin is not None and origin not in self._stages:
            return  # a tool of another image, such as uv's: it does nothing here
        for source in sources:
            found = self._context / source if origin is None else self._stages[origin].place(source)
            if not found.exists():
                msg = f"COPY of a Dockerfile must name what exists, got {source!r}"
                raise EmbeddedCloudError(msg)
            place = stage.place(target)
            if found.is_dir():
                shutil.copytree(found, place, dirs_exist_ok=True)
            else:
                is_folder = target.endswith(("/", ".")) or place.is_dir() or len(sources) > 1
                place = place / found.name if is_folder else place
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(found, place)

    def _run(self, stage: _Stage, line: str) -> None:
        line = " ".join(word for word in line.split() if not word.startswith("--mount="))
        for command in (each.strip() for each in line.split("&&")):
            if _BYTE_CODE.fullmatch(command):
                continue
            words = shlex.split(command)
            lock, target = _after(words, "-r", "--requirement", "--requirements"), _after(words, "-t", "--target")
            if "pip" not in words or "install" not in words or lock is None or target is None:
                msg = f"RUN of a Dockerfile must be pip install -r … --target … or compileall, got {command[:64]!r}"
                raise EmbeddedCloudError(msg)
            install = [uv_command(), "pip", "install", "--python", str(self._python), "--require-hashes", "--no-deps"]
            install += ["--target", str(stage.place(target)), "--requirements", str(stage.place(lock))]
            run_logged(install, "uv must install the packages of an image", clean_environment(), self._log_path)


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    """Yield the instructions of a Dockerfile, each with what follows its word."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\s*\n", " ", "\n".join(lines)).splitlines():
        word, _, rest = line.strip().partition(" ")
        if word:
            yield word.upper(), rest.strip()


def _assignments(word: str, rest: str) -> dict[str, str]:
    """Return the variables that `ENV` or `ARG` sets; `ENV NAME value` is the older form."""
    if word == "ENV" and "=" not in rest.split(maxsplit=1)[0]:
        name, _, value = rest.partition(" ")
        return {name: value.strip()}
    return dict(each.split("=", 1) for each in shlex.split(rest) if "=" in each)


def _after(words: Sequence[str], *names: str) -> str | None:
    """Return the value of an option, in one word or two."""
    for index, word in enumerate(words):
        if word in names and index + 1 < len(words):
            return words[index + 1]
        for name in names:
            if word.startswith(f"{name}="):
                return word.partition("=")[2]
    return None


def _zipped(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
    return buffer.getvalue()
