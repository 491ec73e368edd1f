"""The page of a report: one file of HTML that asks for nothing outside itself.

Whatever comes from a model or from data goes through `html.escape`; pictures are data URIs; there is no script, and the
page tells the browser to load nothing. Colours are the system's: the page is light or dark as the reader's screen is.
"""

from __future__ import annotations

import base64
import html
import struct
from collections.abc import Iterable, Sequence

# Pictures of figures are drawn at this many dots an inch, and shown at 96, the inch of CSS: sharp on dense screens.
DPI = 160
_CSS_INCH = 96

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; color: CanvasText; background: Canvas; margin: 0 auto; max-width: 62rem;
  padding: 1rem; overflow-wrap: break-word; }
h1 { font-size: 1.5rem; margin: 0.5rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2rem 0 0.5rem; border-bottom: 1px solid #8888; padding-bottom: 0.2rem; }
p { max-width: 46rem; margin: 0.5rem 0; }
dl.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: 0.6rem; margin: 1rem 0; }
dl.facts div { border: 1px solid #8888; border-radius: 0.4rem; padding: 0.4rem 0.7rem; }
dt { font-size: 0.8rem; opacity: 0.8; }
dd { margin: 0; font-size: 1.25rem; font-weight: 600; overflow-wrap: anywhere; }
.wide { overflow-x: auto; margin: 0.5rem 0; white-space: nowrap; }
.words { white-space: normal; overflow-wrap: anywhere; }
table { border-collapse: collapse; font-size: 0.875rem; }
caption { font-weight: 600; max-width: 90vw; padding: 0.3rem 0; text-align: left; white-space: normal; }
th, td { text-align: left; padding: 0.2rem 0.9rem 0.2rem 0; border-bottom: 1px solid #8884; vertical-align: top; }
th { font-weight: 600; }
tbody th { font-weight: 400; }
figure { margin: 0; }
img { display: block; max-width: 100%; height: auto; background: white; border-radius: 0.3rem; }
figcaption { font-size: 0.8rem; line-height: 1.35; margin-top: 0.25rem; overflow-wrap: anywhere; }
.figures { display: flex; flex-wrap: wrap; gap: 1rem; margin: 0.75rem 0; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(9rem, 27vw), 1fr)); gap: 0.8rem;
  margin: 0.75rem 0; }
.gallery img { width: 100%; image-rendering: pixelated; }
details { margin: 0.5rem 0; }
summary { cursor: pointer; }
footer { margin: 2.5rem 0 1rem; font-size: 0.8rem; opacity: 0.8; }
"""


def page(title: str, parts: Iterable[str], footer: str) -> str:
    """The whole document; `parts` are HTML already, title and footer are text."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{html.escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<header><h1>{html.escape(title)}</h1></header>
<main>
{"".join(parts)}
</main>
<footer>{html.escape(footer)}</footer>
</body>
</html>
"""


def section(heading: str, *parts: str) -> str:
    """A part of the page under its heading; `parts` are HTML already."""
    return f"<section>\n<h2>{html.escape(heading)}</h2>\n{''.join(parts)}\n</section>\n"


def paragraph(text: str) -> str:
    """A paragraph of text."""
    return f"<p>{html.escape(text)}</p>\n"


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """The few numbers to be seen first."""
    shown = "".join(f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd></div>" for name, value in pairs)
    return f'<dl class="facts">{shown}</dl>\n'


def table(caption: str, header: Sequence[str], lines: Sequence[Sequence[str]], *, words: bool = False) -> str:
    """A table that scrolls by itself where it is wider than the screen; the first cell of a line heads it.

    Without a `header` or a `caption` there is none. With `words`, cells hold running text, which is wrapped.
    """
    above = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    if header:
        cells = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in header)
        above += f"<thead><tr>{cells}</tr></thead>"
    body = "".join(
        f'<tr><th scope="row">{html.escape(first)}</th>'
        + "".join(f"<td>{html.escape(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in lines
    )
    return scrolling(f"<table>{above}<tbody>{body}</tbody></table>", words=words)


def scrolling(content: str, *, words: bool = False) -> str:
    """HTML that scrolls by itself where it is wider than the screen; by the keyboard too, hence the tabindex."""
    return f'<div class="wide{" words" if words else ""}" tabindex="0">{content}</div>\n'


def details(summary: str, content: str) -> str:
    """HTML that is seen when it is asked for."""
    return f"<details><summary>{html.escape(summary)}</summary>{content}</details>\n"


def picture(png: bytes, alt: str, caption: str = "", dpi: int | None = None) -> str:
    """A PNG file as a figure; with `dpi` it is shown in its size in inches, where there is room."""
    width, height = struct.unpack(">II", png[16:24])
    if dpi is not None:
        width, height = round(width * _CSS_INCH / dpi), round(height * _CSS_INCH / dpi)
    source = "data:image/png;base64," + base64.b64encode(png).decode("ascii")
    below = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    size = f'width="{width}" height="{height}"'
    return f'<figure><img src="{source}" {size} alt="{html.escape(alt)}">{below}</figure>\n'


def figures(pictures: Iterable[str]) -> str:
    """Pictures beside each other where there is room."""
    return f'<div class="figures">{"".join(pictures)}</div>\n'


def gallery(pictures: Iterable[str]) -> str:
    """Small pictures in even columns, as many as there is room for."""
    return f'<div class="gallery">{"".join(pictures)}</div>\n'
