"""A handler package on disk: its import name, its handler function, its requirements file."""

import keyword
import symtable
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tsunagu.cdk.assets.files import folder_files, merge
from tsunagu.cdk.assets.platform import Platform
from tsunagu.cdk.assets.runtime import LIBRARY
from tsunagu.errors import AssetError

_REQUIREMENTS = "requirements.txt"
_INIT = "__init__.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlerPackage:
    """The folder that holds a function's code.

    Its import name is found by walking up while the parent folder has an `__init__.py`: a plain folder `invoices` is
    imported as `invoices`, a subpackage `acme/invoices` as `acme.invoices`. Of the parents, only the `__init__.py`
    files travel with it, so they must not import their other children.

    Attributes:
        path: The folder. A relative one starts at the working directory; `Path(__file__).parent` does not move.
        handler: Module and function inside the folder, `<module>.<function>`. Default: `handler.handler`.
        requirements: Lock of its dependencies: exact versions with hashes, as `uv pip compile --generate-hashes` writes
            it. Default: the package's `requirements.txt`, which then travels with the code; without one, none.
        include: Folders of packages that the handler imports besides its own, such as code that several handler
            packages share. Each travels under its own import name. Default: none.
    """

    path: str | Path
    handler: str = "handler.handler"
    requirements: str | Path | None = None
    include: Sequence[str | Path] = ()

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
            AssetError: Python cannot import a folder of that name, or it would hide a module of the standard library.
        """
        name = ".".join(self.folder.relative_to(self.top_level_folder.parent).parts)
        for part in name.split("."):
            if not part.isidentifier() or keyword.iskeyword(part):
                msg = f"a handler package's folder must have a name that Python can import, got {part!r}"
                raise AssetError(msg)
        if (top := name.partition(".")[0]) in sys.stdlib_module_names:
            msg = f"a handler package must not hide a module of the standard library, got a folder named {top!r}"
            raise AssetError(msg)
        return name

    @property
    def top_level_folder(self) -> Path:
        """The outermost package folder: the one that `import_name` begins with."""
        return [self.folder, *self._parents()][-1]

    def check_handler(self, platform: Platform) -> None:
        """Check that `handler` names a function of the package, without importing it.

        Raises:
            AssetError: The string has another form, or there is no such module or no such name in it.
        """
        *modules, function = self.handler.split(".")
        if not modules or not all(part.isidentifier() for part in (*modules, function)):
            msg = f"handler must be <module>.<function>, such as 'handler.handler', got {self.handler!r}"
            raise AssetError(msg)
        path = self.folder.joinpath(*modules).with_suffix(".py")
        if not path.is_file():
            msg = f"handler {self.handler!r} needs the module {path}, got no such file"
            raise AssetError(msg)
        names = _names_bound_in(path, platform)
        if names is not None and function not in names:
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

    def check_name(self) -> None:
        """Check that neither the package nor what it includes has the name of the library.

        Raises:
            AssetError: One of them has, or is none that Python can import.
        """
        for package in (self, *self.included):
            top = package.import_name.partition(".")[0]
            if top == LIBRARY:
                msg = f"a handler package must not be named {top!r}, the library's name, got {package.folder}"
                raise AssetError(msg)

    @property
    def included(self) -> "tuple[HandlerPackage, ...]":
        """The packages that it includes."""
        return tuple(HandlerPackage(path=path) for path in self.include)

    def files(self) -> dict[str, bytes]:
        """Read the files of the package, of what it includes, and the parents' `__init__.py`, as the asset names them.

        Raises:
            AssetError: An included package is no folder, Python cannot import it, or two packages have a file of the
                same name with different contents.
        """
        return merge({str(package.folder): package.own_files() for package in (self, *self.included)})

    def own_files(self) -> dict[str, bytes]:
        """Read the files of the package itself and its parents' `__init__.py`."""
        files = folder_files(self.folder, self.import_name.replace(".", "/"))
        root = self.top_level_folder.parent
        for parent in self._parents():
            files[(parent / _INIT).relative_to(root).as_posix()] = (parent / _INIT).read_bytes()
        return files

    def path_of(self, name: str) -> Path:
        """Return where a file of the asset lies on disk.

        Args:
            name: Name of a file that `files` returns.
        """
        candidates = [package.top_level_folder.parent / name for package in (self, *self.included)]
        return next((path for path in candidates if path.is_file()), candidates[0])

    def _parents(self) -> list[Path]:
        parents: list[Path] = []
        for parent in self.folder.parents:
            if not (parent / _INIT).is_file():
                break
            parents.append(parent)
        return parents


def _names_bound_in(path: Path, platform: Platform) -> set[str] | None:
    """Return the names that the module `path` binds, or None when only a newer Python than this one could tell."""
    try:
        table = symtable.symtable(path.read_text(encoding="utf-8"), str(path), "exec")
    except SyntaxError as error:
        if platform.version > sys.version_info[:2]:
            return None
        msg = f"{path} must be valid Python {platform.python}, got {error.msg} in line {error.lineno}"
        raise AssetError(msg) from error
    return {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
