"""Writes the OpenAPI document: ``python -m api.contract docs/openapi.json``. A test compares it with what is served."""

import json
import sys
from pathlib import Path

from api.app import describe

__all__ = ["contract_text", "main"]


def contract_text() -> str:
    """The document as it is committed."""
    return json.dumps(describe(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def main(path: Path) -> None:
    """Writes the document to `path`."""
    path.write_text(contract_text(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
