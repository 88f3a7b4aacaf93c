"""Hooks of MkDocs: bring pages and files that are not below docs/ to the site, and lead links there."""

from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from docsite.links import SOURCES, linked_paths, place_on_site, with_links_of_site
from docsite.links import with_space_before_lists as spaced
from docsite.navigation import paths_by_place, paths_of_pages
from docsite.sources import source_page

ROOT = Path(__file__).resolve().parents[1]
NODE_MODULES = ROOT / ".tsunagu" / "docs" / "node_modules"
# The theme would get these two from elsewhere when a page is viewed.
SCRIPTS = {
    "assets/mermaid.js": NODE_MODULES / "@mermaid-js" / "tiny" / "dist" / "mermaid.tiny.js",
    "assets/iframe-worker.js": NODE_MODULES / "iframe-worker" / "shim" / "index.js",
}


def on_files(files: Files, config: Any) -> Files:
    """Add the pages outside of docs/, a page for each file that a page links to, and the scripts."""
    pages = {path: (ROOT / path).read_text(encoding="utf-8") for path in paths_of_pages(ROOT)}
    for path, text in pages.items():
        if not path.startswith("docs/"):
            _add(files, config, place_on_site(path), text)
    for path in sorted({linked for page, text in pages.items() for linked in linked_paths(text, page)}):
        place = place_on_site(path)
        if place.startswith(f"{SOURCES}/") and not (ROOT / path / "README.md").is_file() and (ROOT / path).exists():
            _add(files, config, place, source_page(path, ROOT))
    for place, script in SCRIPTS.items():
        _add(files, config, place, script.read_text(encoding="utf-8"))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:  # noqa: ARG001 - MkDocs names them
    """Return the text of a page as the site needs it."""
    place = page.file.src_uri
    if place.startswith(f"{SOURCES}/"):
        return markdown
    return with_links_of_site(spaced(markdown), paths_by_place(ROOT)[place], ROOT)


def on_post_build(config: Any) -> None:
    """Put each page beside itself as Markdown, as the index llms.txt names it."""
    for path in paths_of_pages(ROOT):
        file = Path(config["site_dir"]) / place_on_site(path)
        file.write_text((ROOT / path).read_text(encoding="utf-8"), encoding="utf-8")


def _add(files: Files, config: Any, place: str, content: str) -> None:
    files.append(File.generated(config, place, content=content))
