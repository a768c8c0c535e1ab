"""SVG to PNG by resvg. Imported by ``bot.picture`` when a picture is drawn, and by nobody else: it is 18 MB."""

from collections.abc import Sequence
from pathlib import Path

import resvg_py

ZOOM = 2.0
"""Sharp on a phone and when it is clicked on."""


def png(drawn: str, fonts: Sequence[Path]) -> bytes:
    """The picture with the project's own fonts, whatever the machine has. Raises ValueError where it is no SVG."""
    return resvg_py.svg_to_bytes(
        svg_string=drawn,
        background="#ffffff",
        zoom=ZOOM,
        skip_system_fonts=True,
        font_files=[str(font) for font in fonts],
        font_family="DejaVu Sans",
        sans_serif_family="DejaVu Sans",
    )
