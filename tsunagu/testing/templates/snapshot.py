"""`TemplateSnapshot`: compares templates with those that were read, and guards stateful resources."""

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from tsunagu.templates.assembly import read_documents, stack_templates
from tsunagu.testing.templates.difference import difference
from tsunagu.testing.templates.normal import normal
from tsunagu.testing.templates.stateful import Loss, losses

UPDATE_OPTION = "--update-templates"


class TemplateSnapshot:
    """Compares templates with those that were read. The fixture `template_snapshot` makes it for a test.

    ```python
    def test_the_stack_is_the_one_that_was_read(template_snapshot):
        template_snapshot.check(OrdersStack(App(), "Orders"))
    ```

    Args:
        folder: Where the snapshots of the test are: a file for each stack.
        is_updated: Whether snapshots are written, instead of compared.
    """

    def __init__(self, folder: Path, *, is_updated: bool) -> None:
        self._folder = folder
        self._is_updated = is_updated

    def check(self, subject: Any, *, replaces: Iterable[str] = ()) -> None:
        """Compare the templates of a stack or an app with their snapshots.

        Args:
            subject: A stack; an app or a stage, for all of its stacks; a folder with a cloud assembly (`cdk.out`); or a
                template as a dictionary.
            replaces: Paths of stateful constructs that this change replaces or deletes on purpose. They stay here until
                it is deployed everywhere. Without it, also an update of the snapshot is refused.

        Raises:
            AssertionError: A template is another one, has no snapshot, or loses a stateful resource.
            TypeError: The subject is none of these.
        """
        accepted = set(replaces)
        problems = [self._problem(name, template, accepted) for name, template in templates_of(subject).items()]
        found = [problem for problem in problems if problem]
        if found:
            raise AssertionError("\n\n".join(found))

    def _problem(self, name: str, template: dict[str, Any], accepted: Collection[str]) -> str:
        path = self._folder / f"{name}.template.json"
        if not path.exists():
            if self._is_updated:
                self._write(path, template)
                return ""
            return f"{name}: there is no snapshot {path}. Read the template, and run pytest {UPDATE_OPTION}"
        before = json.loads(path.read_text(encoding="utf-8"))
        lost = [loss for loss in losses(before, template) if loss.path not in accepted]
        if lost:
            return _guarded(name, lost)
        if self._is_updated:
            self._write(path, template)
            return ""
        changed = difference(before, template)
        return "\n".join([f"{name} is not as it was read:", *changed, _HOW_TO_UPDATE]) if changed else ""

    def _write(self, path: Path, template: Mapping[str, Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{json.dumps(template, indent=2, sort_keys=True)}\n", encoding="utf-8")


_HOW_TO_UPDATE = f"If this is what you want, run pytest {UPDATE_OPTION}, and commit the snapshot."


def templates_of(subject: Any) -> dict[str, dict[str, Any]]:
    """Return the templates of a stack, an app, an assembly, or a dictionary, in normal form by the name of the stack.

    Raises:
        TypeError: The subject is none of these.
    """
    if isinstance(subject, Mapping):
        return {"template": normal(subject)}
    paths = _template_paths(subject)
    documents = read_documents(map(str, paths))
    return {
        document.stack_name or Path(document.path).name.partition(".")[0]: normal(
            document.body, document.construct_paths
        )
        for document in documents
    }


def _template_paths(subject: Any) -> list[Path]:
    """Return the files of templates. Nothing here imports the CDK: whoever has a stack has loaded it."""
    if isinstance(subject, str | Path):
        return stack_templates(Path(subject))
    if hasattr(subject, "template_file") and hasattr(subject, "node"):
        assembly = subject.node.root.synth()
        found = [each for each in assembly.stacks_recursively if each.id == subject.artifact_id]
        return [Path(each.template_full_path) for each in found]
    if hasattr(subject, "synth"):
        return [Path(each.template_full_path) for each in subject.synth().stacks_recursively]
    msg = f"subject must be a stack, an app, a folder with an assembly or a template, got {type(subject).__name__}"
    raise TypeError(msg)


def _guarded(name: str, lost: list[Loss]) -> str:
    paths = ", ".join(repr(loss.path) for loss in lost)
    return "\n".join(
        [
            f"{name} loses {len(lost)} stateful resource{'s' if len(lost) > 1 else ''}:",
            *(f"  {loss.text}" for loss in lost),
            f"If this is what you want, say so: check(..., replaces=[{paths}]).",
        ]
    )
