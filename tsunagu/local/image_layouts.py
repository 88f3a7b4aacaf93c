"""Lays out the task root of container images, as their Dockerfiles would, without Docker.

A stage begins with the files of the stage that its `FROM` names. A base image is taken for AWS's Python image, with an
empty task root. Stages that the last one does not need are left out, as by Docker.
"""

import io
import json
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from tsunagu.dockerfiles import Dockerfile
from tsunagu.errors import EmbeddedCloudError
from tsunagu.local.image_stages import TASK_ROOT, Build, BuiltStage


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
                    layout = ImageLayout(context, functions_python, log_path, source.get("dockerBuildArgs") or {})
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
        build_arguments: Values for `ARG`, by name. Default: none.
    """

    def __init__(
        self, context: Path, functions_python: Path, log_path: Path, build_arguments: Mapping[str, str] | None = None
    ) -> None:
        self._context = context
        self._python = functions_python
        self._log_path = log_path
        self._arguments = build_arguments or {}

    def write(self, folder: Path, tag: str, *, dockerfile: str = "Dockerfile", target: str | None = None) -> None:
        """Write task root, command and environment of the image.

        Raises:
            EmbeddedCloudError: As `write_layouts`.
        """
        folder.mkdir(parents=True, exist_ok=True)
        parsed = Dockerfile.parse((self._context / dockerfile).read_text(), self._arguments)
        with tempfile.TemporaryDirectory(dir=folder) as aside:
            stage = self._build(parsed, Path(aside), target)
            archive = _zipped(stage.root / PurePosixPath(TASK_ROOT).relative_to("/"))
        if not stage.command:
            msg = f"{dockerfile} must have a CMD in JSON form that names the handler, got none"
            raise EmbeddedCloudError(msg)
        (folder / f"{tag}.zip").write_bytes(archive)
        described = {"command": stage.command, "environment": stage.environment}
        (folder / f"{tag}.json").write_text(json.dumps(described))  # last: it says that the layout is whole

    def _build(self, dockerfile: Dockerfile, aside: Path, target: str | None) -> BuiltStage:
        wanted = [stage for stage in dockerfile.stages if target in {None, stage.name}]
        if not wanted:
            msg = f"a Dockerfile must have a stage{f' {target}' if target else ''}, got no FROM"
            raise EmbeddedCloudError(msg)
        build = Build(
            context=self._context,
            python=self._python,
            log_path=self._log_path,
            arguments=self._arguments,
            outer=dockerfile.arguments,
        )
        built: dict[int, BuiltStage] = {}  # by the line of the stage
        for stage in dockerfile.needed(wanted[-1]):
            base = dockerfile.earlier(stage.base, stage)
            made = BuiltStage.start(aside / str(len(built)), build, built[base.start.line] if base else None)
            for each in stage.instructions:
                origin = dockerfile.earlier(each.options.get("from", ""), stage)
                made.follow(each, built[origin.start.line] if origin else None)
            built[stage.start.line] = made
        return built[wanted[-1].start.line]


def _zipped(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
    return buffer.getvalue()
