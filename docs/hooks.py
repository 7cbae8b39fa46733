# Copyright neuro_control maintainers
# SPDX-License-Identifier: Apache-2.0
"""What the site has beside the pages of this folder: generated pages, and those of the root.

MkDocs calls the functions by their names (``hooks`` in ``mkdocs.yml``).
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from docs import reference  # noqa: E402  # the root is no package

# Pages of the root by the names that they have in the site.
_OF_ROOT = {
    "index.md": "README.md",
    "changelog.md": "CHANGELOG.md",
    "security.md": "SECURITY.md",
    "quality.md": "QUALITY_DECLARATION.md",
}


def on_config(config: Any) -> Any:
    """Add the modules to the navigation, by their folders."""
    groups: dict[str, list[Any]] = {}
    for module in reference.modules():
        _, folder, *rest = module.split(".")
        group = folder if rest else "package"
        groups.setdefault(group, []).append({".".join(rest or [folder]): _page_of(module)})
    found = next(each["Reference"] for each in config.nav if "Reference" in each)
    found.append({"API": [{group: pages} for group, pages in sorted(groups.items())]})
    return config


def _page_of(module: str) -> str:
    return f"reference/api/{module}.md"


def on_files(files: Any, config: Any) -> Any:
    """Add what is generated, and the pages of the root."""
    made = {path: page() for path, page in reference.PAGES.items()}
    for name, source in _OF_ROOT.items():
        made[name] = _moved_in((ROOT / source).read_text())
    for module in reference.modules():
        made[_page_of(module)] = f"# {module}\n\n::: {module}\n"
    for path, text in made.items():
        files.append(File.generated(config, path, content=text))
    return files


def _moved_in(text: str) -> str:
    """A page of the root, whose links lead from this folder."""
    for name, source in _OF_ROOT.items():
        text = text.replace(f"]({source}", f"]({name}")
    # What is no page has no place in the site.
    text = re.sub(r"\[([^\]]+)\]\((?:\.github/[\w/.]+|LICENSE|docs/results)\)", r"\1", text)
    return text.replace("](docs/", "](")


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Let links to the root's pages lead to where they are; other files have no page."""
    depth = page.file.src_uri.count("/")
    of_root = {source: name for name, source in _OF_ROOT.items()}

    def moved(link: re.Match[str]) -> str:
        text, steps, target, anchor = link.groups()
        if steps.count("../") <= depth:
            return link.group()
        if target in of_root:
            return f"[{text}]({'../' * depth}{of_root[target]}{anchor or ''})"
        return text

    return re.sub(r"\[([^\]]+)\]\(((?:\.\./)+)([^)#]+)(#[^)]*)?\)", moved, markdown)
