"""A project with a `lambdas` folder of its own would hide ours, and fail later in ways that are hard to read."""

from importlib.util import find_spec
from pathlib import Path


def check_lambdas(found: str | None) -> None:
    """Check that the package `lambdas` that Python finds is the one beside this package.

    Args:
        found: File of the package that Python finds, or None when it finds none.

    Raises:
        ImportError: It is another project's, or there is none.
    """
    ours = Path(__file__).resolve().parent.parent / "lambdas" / "__init__.py"
    if found is None or Path(found).resolve() != ours:
        msg = f"the package 'lambdas' must be Tsunagu's, in {ours.parent}, got {found}: rename the one that hides it"
        raise ImportError(msg, name="lambdas")


def found_lambdas() -> str | None:
    """Return the file of the package `lambdas` that Python finds, without importing it."""
    spec = find_spec("lambdas")
    return spec.origin if spec else None
