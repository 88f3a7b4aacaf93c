"""Code on disk that goes into an asset, and the name that Python imports it by."""

import keyword
from dataclasses import dataclass
from pathlib import Path

from tsunagu.cdk.assets.files import folder_files, read_file
from tsunagu.cdk.assets.modules import standard_library
from tsunagu.cdk.assets.runtime import LIBRARY
from tsunagu.errors import AssetError

_INIT = "__init__.py"


@dataclass(frozen=True, slots=True)
class Code:
    """A package, or a module of one file.

    Its import name is found by walking up while the parent folder has an `__init__.py`. Of the parents, only the
    `__init__.py` files go into the asset.

    Attributes:
        path: Absolute path of the folder or file.
        role: What errors call it, such as "a handler package".
    """

    path: Path
    role: str

    @property
    def import_name(self) -> str:
        """Dotted name under which the function imports it.

        Raises:
            AssetError: Python cannot import a name like that.
        """
        inside = self.path.relative_to(self.root)
        parts = (inside.with_suffix("") if self.path.is_file() else inside).parts
        for part in parts:
            if not part.isidentifier() or keyword.iskeyword(part):
                msg = f"{self.role} must have a name that Python can import, got {part!r}"
                raise AssetError(msg)
        return ".".join(parts)

    @property
    def root(self) -> Path:
        """The folder that the outermost package, or the module, is in: names in the asset begin here."""
        return [self.path, *self._parents()][-1].parent

    def check_name(self, version: tuple[int, int]) -> None:
        """Check that the import name hides neither the library nor the standard library.

        Args:
            version: Major and minor version of the function's Python.

        Raises:
            AssetError: It does, or Python cannot import such a name.
        """
        top = self.import_name.partition(".")[0]
        if top == LIBRARY:
            msg = f"{self.role} must not be named {top!r}, the library's name, got {self.path}"
            raise AssetError(msg)
        if top in standard_library(version):
            msg = f"{self.role} must not hide a module of the standard library, got {top!r} at {self.path}"
            raise AssetError(msg)

    def check_apart(self, other: "Code") -> None:
        """Check that no file of it would be in the asset twice, and no name would mean two packages.

        Raises:
            AssetError: One of the two is inside the other, or both have one import name.
        """
        for inner, outer in ((self, other), (other, self)):
            if inner.path.is_relative_to(outer.path):
                where = "twice" if inner.path == outer.path else f"inside {outer.path}"
                msg = f"include must name code outside the handler package, each piece once, got {inner.path} {where}"
                raise AssetError(msg)
        for inner, outer in ((self, other), (other, self)):
            if f"{inner.import_name}.".startswith(f"{outer.import_name}."):
                msg = f"{outer.import_name} must be imported from one place, got {self.path} and {other.path}"
                raise AssetError(msg)

    def files(self) -> dict[str, bytes]:
        """Read its files and the `__init__.py` of its parents, as the asset names them.

        Raises:
            AssetError: A folder in it is a link.
        """
        name = self.path.relative_to(self.root).as_posix()
        files = {name: read_file(self.path)} if self.path.is_file() else folder_files(self.path, name)
        for parent in self._parents():
            files[(parent / _INIT).relative_to(self.root).as_posix()] = read_file(parent / _INIT)
        return files

    def _parents(self) -> list[Path]:
        parents: list[Path] = []
        for parent in self.path.parents:
            if not (parent / _INIT).is_file():
                break
            parents.append(parent)
        return parents
