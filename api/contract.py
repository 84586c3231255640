"""Writes the OpenAPI document: ``python -m api.contract docs/openapi.json``. A test compares it with what is served."""

import json
import sys
from pathlib import Path

from api.app import describe

__all__ = ["main"]


def main(path: Path) -> None:
    """Writes the document to `path`."""
    text = json.dumps(describe(), ensure_ascii=False, indent=1, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
