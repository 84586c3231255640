"""Reads the mapping files of vendors' forms, shipped and of one's own, into wire forms."""

from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path

from alerts.rules.nodes import PackError
from domain.errors import Invalid
from domain.limits import FORMS_MAX
from ingest.kinds import WIRES, Wire
from ingest.kinds.formgrammar import read_form
from ingest.kinds.mapped import Form, Mapped
from runtime.packs import PackErrors, parse_tree

__all__ = ["load_forms", "load_wires"]


def load_wires(paths: Sequence[Path] = ()) -> dict[str, Wire]:
    """Every form by name: the canonical one, the shipped mappings, and those of `paths`, which win over shipped ones.

    Raises `PackErrors` naming file, line, what is wrong and what to write.
    """
    forms, errors = load_forms(paths)
    if errors:
        raise PackErrors(errors)
    return {**WIRES, **{form.name: Mapped(form) for form in forms}}


def load_forms(paths: Sequence[Path] = (), *, shipped: bool = True) -> tuple[list[Form], list[PackError]]:
    """The forms of the shipped mapping files and of `paths` (files or folders), and all that is wrong with them."""
    found: dict[str, Form] = {}
    errors: list[PackError] = []
    with as_file(files("ingest.forms")) as folder:
        for batch in ([folder] if shipped else [], paths):
            names: dict[str, str] = {}
            for file in [one for path in batch for one in _files(path)]:
                form, wrong = _read(file)
                errors += wrong
                if form is None:
                    continue
                if form.name in names or form.name in WIRES:
                    said = f"the form {form.name!r} is told twice, also in {names.get(form.name, 'Anju itself')}"
                    errors.append(PackError(str(file), 1, said, "give it another name"))
                names[form.name] = str(file)
                found[form.name] = form
    if len(found) > FORMS_MAX:
        raise Invalid("forms.too_many", f"{len(found)} mapping files, at most {FORMS_MAX} can be used")
    return list(found.values()), errors


def _files(path: Path) -> list[Path]:
    return sorted(path.glob("*.yml")) if path.is_dir() else [path]


def _read(file: Path) -> tuple[Form | None, list[PackError]]:
    try:
        tree = parse_tree(file.read_bytes(), str(file))
    except OSError as error:
        raise Invalid("forms.file", f"{file}: {error}") from error
    except PackErrors as refused:
        return None, refused.errors
    return read_form(tree, str(file))
