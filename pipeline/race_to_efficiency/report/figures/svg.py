"""From matplotlib's SVG to one that can stand inside a page: no style sheet, no style attribute, unique ids, a title.

A page under a strict Content-Security-Policy refuses ``style="..."``; matplotlib writes little else. Everything it says
there can be said in presentation attributes, which a style sheet (dark mode, print) may still override.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
HREF = f"{{{XLINK}}}href"

NUMBER = re.compile(r"-?\d+\.\d{3,}(?:e-?\d+)?")
SPACES = re.compile(r"\s+")
IDLE = re.compile(r"^rotate\(-?0(?:\.0*)? [^)]*\)$")
GEOMETRY = frozenset({"d", "x", "y", "width", "height", "transform", "points", "cx", "cy", "r", "x1", "y1", "x2", "y2"})
DEFAULTS = {
    ("stroke-linejoin", "round"),
    ("stroke-linecap", "butt"),
    ("fill-opacity", "1"),
    ("stroke-opacity", "1"),
    ("opacity", "1"),
}
FAMILY = "DejaVu Sans, system-ui, sans-serif"


def finish_svg(text: str, figure_id: str, *, title: str, short: str) -> str:
    """Return matplotlib's SVG made small, safe and accessible.

    Parameters
    ----------
    text : str
        SVG as matplotlib wrote it, from our own drawing code.
    figure_id : str
        Prefix that makes every id unique in a page.
    title, short : str
        Accessible name and description.

    Returns
    -------
    str, one ``<svg>`` element without prologue
    """
    ET.register_namespace("", SVG)
    root = ET.fromstring(text)  # noqa: S314  (written by matplotlib a moment ago, not read from anywhere)
    strip(root)
    referenced = collect_references(root)
    for element in root.iter():
        style_to_attributes(element)
        rename_ids(element, figure_id, referenced)
        for name in GEOMETRY & element.attrib.keys():
            element.set(name, SPACES.sub(" ", NUMBER.sub(shorten, element.attrib[name])).strip())
        if IDLE.match(element.get("transform", "")):
            del element.attrib["transform"]
        element.text = None if element.text is None or not element.text.strip() else element.text
        element.tail = None
    flatten_groups(root)
    describe(root, figure_id, title, short)
    return ET.tostring(root, encoding="unicode").replace(" />", "/>")


def shorten(match: re.Match[str]) -> str:
    """Return a coordinate with two decimals: a hundredth of a point is below any screen's or printer's grid."""
    value = f"{float(match[0]):.2f}".rstrip("0").rstrip(".")
    return "0" if value in ("-0", "") else value


def strip(root: ET.Element) -> None:
    """Remove metadata and the style sheet (it would leak into the page), and what held nothing else."""
    unwanted = {f"{{{SVG}}}metadata", f"{{{SVG}}}style"}
    for parent in list(root.iter()):
        for child in list(parent):
            only_style = child.tag == f"{{{SVG}}}defs" and all(item.tag in unwanted for item in child)
            if child.tag in unwanted or only_style:
                parent.remove(child)


def collect_references(root: ET.Element) -> set[str]:
    """Return the ids that something points at."""
    found: set[str] = set()
    for element in root.iter():
        for value in element.attrib.values():
            found |= set(re.findall(r"url\(#([^)]+)\)", value))
        if element.get(HREF, "").startswith("#"):
            found.add(element.attrib[HREF][1:])
    return found


def rename_ids(element: ET.Element, figure_id: str, referenced: set[str]) -> None:
    """Prefix the ids that are pointed at; drop the others; turn ``xlink:href`` into ``href``."""
    name = element.attrib.pop("id", None)
    if name in referenced:
        element.set("id", f"{figure_id}-{name}")
    if HREF in element.attrib:
        element.set("href", f"#{figure_id}-{element.attrib.pop(HREF)[1:]}")
    for key, value in element.attrib.items():
        if "url(#" in value:
            element.set(key, value.replace("url(#", f"url(#{figure_id}-"))


def style_to_attributes(element: ET.Element) -> None:
    """Say in presentation attributes what ``style="..."`` said; the type's family is said once, on the root.

    Raises
    ------
    ValueError
        When a property has no presentation attribute.
    """
    for part in element.attrib.pop("style", "").split(";"):
        name, _, value = (piece.strip() for piece in part.partition(":"))
        if not name or (name, value) in DEFAULTS:
            continue
        if name == "font":
            raise ValueError(f"the font shorthand {value!r} has no presentation attribute")
        if name != "font-family":
            element.set(name, NUMBER.sub(shorten, value))


def flatten_groups(root: ET.Element) -> None:
    """Replace every group that carries no attribute by what is in it."""
    group = f"{{{SVG}}}g"
    changed = True
    while changed:
        changed = False
        for parent in list(root.iter()):
            children: list[ET.Element] = []
            for child in parent:
                bare = child.tag == group and not child.attrib
                children += list(child) if bare else [child]
                changed = changed or bare
            parent[:] = children


def describe(root: ET.Element, figure_id: str, title: str, short: str) -> None:
    """Give the drawing a name and a description, and say once how lines are joined."""
    root.attrib.pop("version", None)
    root.set("role", "img")
    root.set("aria-labelledby", f"{figure_id}-title")
    root.set("aria-describedby", f"{figure_id}-desc")
    root.set("stroke-linejoin", "round")
    root.set("font-family", FAMILY)
    for index, (tag, text) in enumerate((("title", title), ("desc", short))):
        element = ET.Element(f"{{{SVG}}}{tag}", {"id": f"{figure_id}-{tag}"})
        element.text = text
        root.insert(index, element)
