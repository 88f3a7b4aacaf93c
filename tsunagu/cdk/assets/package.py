"""A handler package on disk: its code, its handler function, its lock, and the code that it includes."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tsunagu.cdk.assets.code import Code
from tsunagu.cdk.assets.files import merge
from tsunagu.cdk.assets.platform import Platform
from tsunagu.cdk.assets.syntax import may_have
from tsunagu.cdk.props import CheckedProps
from tsunagu.errors import AssetError, InvalidPropsError

_REQUIREMENTS = "requirements.txt"
_PYTHON_FILE = ".py"


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerPackage(CheckedProps):
    """The folder that holds a function's code.

    Its import name is found by walking up while the parent folder has an `__init__.py`: a plain folder `invoices` is
    imported as `invoices`, a subpackage `acme/invoices` as `acme.invoices`. Of the parents, only the `__init__.py`
    files are in the zip, so they must not import their other children.

    Attributes:
        path: The folder. A relative one starts at the working directory; `Path(__file__).parent` does not move.
        handler: Module and function inside the folder, `<module>.<function>`. Default: `handler.handler`.
        requirements: Lock of its dependencies: exact versions with hashes, as `uv pip compile --generate-hashes` writes
            it. Default: the package's `requirements.txt`, which is then in the zip too; without one, no dependencies.
        include: Packages (folders) and modules (`.py` files) that the handler imports besides its own, such as code
            that several handler packages share. The zip holds each under its own import name. A lock in them is not
            installed. Default: none.

    Raises:
        InvalidPropsError: A value is of another type, or a path is empty.
    """

    path: str | Path
    handler: str = "handler.handler"
    requirements: str | Path | None = None
    include: Sequence[str | Path] = ()

    def __post_init__(self) -> None:
        """Refuse paths that name nothing: the empty text would be the working directory."""
        CheckedProps.__post_init__(self)  # plain `super()` fails in a dataclass with slots
        for name, paths in (("path", [self.path]), ("requirements", [self.requirements]), ("include", self.include)):
            if "" in paths:
                msg = f"{name} must not be empty, got ''"
                raise InvalidPropsError(msg)

    @property
    def folder(self) -> Path:
        """The folder, as an absolute path.

        Raises:
            AssetError: There is no such folder.
        """
        folder = Path(self.path).resolve()
        if not folder.is_dir():
            msg = f"a handler package must be a folder, got {self.path}, which is none"
            raise AssetError(msg)
        return folder

    @property
    def import_name(self) -> str:
        """Dotted name under which the function imports the package.

        Raises:
            AssetError: Python cannot import a folder of that name.
        """
        return self.code[0].import_name

    @property
    def code(self) -> tuple[Code, ...]:
        """The package itself, then what it includes.

        Raises:
            AssetError: The package is no folder, or what it includes is neither a folder nor a Python file.
        """
        return (Code(self.folder, "a handler package"), *map(_included, self.include))

    def check_code(self, platform: Platform) -> None:
        """Check the names of the package and of what it includes, and that no two of them overlap.

        Raises:
            AssetError: Python cannot import one of them, one hides a module, or two of them overlap.
        """
        for code in self.code:
            code.check_name(platform.version)
        for one, other in itertools.combinations(self.code, 2):
            one.check_apart(other)

    def check_handler(self, platform: Platform) -> None:
        """Check that `handler` names a function of the package, without importing it.

        Raises:
            AssetError: The string has another form, or there is no such module or no such name in it.
        """
        *modules, function = self.handler.split(".")
        if not modules or not all(part.isidentifier() for part in (*modules, function)):
            msg = f"handler must be <module>.<function>, such as 'handler.handler', got {self.handler!r}"
            raise AssetError(msg)
        folder = self.folder.joinpath(*modules)
        path = folder.with_name(f"{folder.name}{_PYTHON_FILE}")
        package = folder / "__init__.py"
        if package.is_file():  # Python prefers it to a module of the same name
            path = package
        if not path.is_file():
            msg = f"handler {self.handler!r} needs the module {path}, got no such file"
            raise AssetError(msg)
        if not may_have(path, function, platform):
            msg = f"handler {self.handler!r} needs a function {function!r} in {path}, got no such name there"
            raise AssetError(msg)

    def requirements_path(self) -> Path | None:
        """Return the lock of the package's dependencies, or None when it has none.

        Raises:
            AssetError: The file that was asked for does not exist.
        """
        if self.requirements is None:
            default = self.folder / _REQUIREMENTS
            return default if default.is_file() else None
        path = Path(self.requirements).resolve()
        if not path.is_file():
            msg = f"requirements must be a file, got {self.requirements}, which is none"
            raise AssetError(msg)
        return path

    def files(self) -> dict[str, bytes]:
        """Read the files of the package, of what it includes, and the parents' `__init__.py`, as the asset names them.

        Raises:
            AssetError: Two files have the same name in the asset and different contents, or a folder is a link.
        """
        return merge({str(code.path): code.files() for code in self.code})

    def path_of(self, name: str) -> Path:
        """Return where a file of the asset is on disk.

        Args:
            name: Name of a file that `files` returns.
        """
        return next(path for code in self.code if (path := code.root / name).is_file())


def _included(path: str | Path) -> Code:
    resolved = Path(path).resolve()
    if not resolved.is_dir() and not (resolved.is_file() and resolved.suffix == _PYTHON_FILE):
        msg = f"an included package must be a folder or a Python file, got {path}, which is neither"
        raise AssetError(msg)
    return Code(resolved, "an included package")
