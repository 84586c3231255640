"""The registry between imports: rows that can be queried, replaced as a whole in one transaction."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Integer, Select, Table, Text, and_, bindparam, cast, delete, select

from alerts.inputs import Record
from domain.devices import Device
from domain.organisations import Contract, Organisation
from domain.places import Name, Place
from domain.registry import Registry
from storage.access import Access
from storage.schema import contracts, devices, meta, organisations, overrides, places
from storage.upsert import upsert

__all__ = ["SqlRegistryStore"]

Row = dict[str, Any]

OWED: Final = "import:"
"""Begins the keys of journal lines that are owed; then the version, in as many digits as any version has."""


class SqlRegistryStore:
    """Where the registry is kept between imports. Thread-safe."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def load(self) -> Registry:
        """The registry as it stands. Version 0 and empty before the first import."""
        with self._access.read() as connection:
            rows = {table: _read(connection, _in_order(table)) for table in _TABLES}
            version = _version(connection)
        thresholds: dict[str, dict[str, dict[str, object]]] = {}
        for row in rows[overrides]:
            thresholds.setdefault(row["compound"], {}).setdefault(row["rule"], {})[row["param"]] = row["value"]
        return Registry(
            [_place(row) for row in rows[places]],
            [_organisation(row) for row in rows[organisations]],
            [_contract(row) for row in rows[contracts]],
            [_device(row) for row in rows[devices]],
            thresholds,
            version,
        )

    def apply(self, registry: Registry, owed: Callable[[int], Record] | None = None) -> int:
        """Stores a whole new registry in one transaction and returns its version. Only rows that differ are written.

        A running service keeps the journal to itself: beside one, `owed` makes of the new version the line that the
        service has to write when it takes the registry into use (see `owed`).
        """
        wanted: dict[Table, list[Row]] = {
            places: _rows(registry.places.values(), _place_row),
            organisations: _rows(registry.organisations.values(), _organisation_row),
            contracts: _rows(registry.contracts.values(), _contract_row),
            devices: _rows(registry.devices.values(), _device_row),
            overrides: [
                {"compound": compound, "rule": rule, "param": param, "value": value}
                for compound, rules in registry.overrides.items()
                for rule, params in rules.items()
                for param, value in params.items()
            ],
        }
        with self._access.write() as connection:
            # First of all: two imports at once wait for each other here.
            upsert(connection, meta, [{"key": "registry", "value": "1"}], key=("key",), update=_next_version)
            for table, rows in wanted.items():
                _replace(connection, table, rows)
            version = _version(connection)
            if owed is not None:
                line = msgspec.json.encode(owed(version)).decode()
                upsert(connection, meta, [{"key": _owed_key(version), "value": line}], key=("key",))
            return version

    def owed(self, version: int) -> list[Record]:
        """The journal lines of imports up to `version` that nobody has written yet, oldest first."""
        wanted = select(meta.c.value).where(_is_owed(version)).order_by(meta.c.key)
        with self._access.read() as connection:
            return [msgspec.json.decode(line, type=Record) for line in connection.scalars(wanted)]

    def settle(self, version: int) -> None:
        """The lines up to `version` are in the journal."""
        with self._access.write() as connection:
            connection.execute(delete(meta).where(_is_owed(version)))


def _owed_key(version: int) -> str:
    return f"{OWED}{version:018}"


def _is_owed(version: int) -> ColumnElement[bool]:
    return and_(meta.c.key > OWED, meta.c.key <= _owed_key(version))


def _next_version(_: Any) -> Row:
    return {"value": cast(cast(meta.c.value, Integer) + 1, Text)}


def _read(connection: Connection, query: Select[Any]) -> list[Row]:
    result = connection.execute(query)
    names = list(result.keys())
    return [dict(zip(names, row, strict=True)) for row in result]


def _version(connection: Connection) -> int:
    return int(connection.scalar(select(meta.c.value).where(meta.c.key == "registry")) or 0)


def _in_order(table: Table) -> Select[Any]:
    order = [table.c.position] if "position" in table.c else list(table.primary_key.columns)
    return select(table).order_by(*order)


def _rows(things: Iterable[Any], row_of: Callable[[Any], Row]) -> list[Row]:
    return [row_of(thing) | {"position": position} for position, thing in enumerate(things)]


def _replace(connection: Connection, table: Table, rows: list[Row]) -> None:
    key = [column.name for column in table.primary_key.columns]

    def key_of(row: Row) -> tuple[Any, ...]:
        return tuple(row[name] for name in key)

    held = {key_of(row): row for row in _read(connection, select(table))}
    wanted = {key_of(row): row for row in rows}
    gone = [dict(zip(("k0", "k1", "k2"), found, strict=False)) for found in held if found not in wanted]
    if gone:
        same = and_(*(table.c[name] == bindparam(f"k{number}") for number, name in enumerate(key)))
        connection.execute(delete(table).where(same), gone)
    changed = [row for found, row in wanted.items() if held.get(found) != row]
    if changed:
        upsert(connection, table, changed, key=key)


def _name(row: Row) -> Name:
    return Name(row["name_zh"], row["name_en"])


def _place_row(place: Place) -> Row:
    return {
        "id": place.id,
        "kind": place.kind,
        "name_zh": place.name.zh,
        "name_en": place.name.en,
        "parent": place.parent,
        "code": place.code,
        "attrs": place.attrs,
    }


def _place(row: Row) -> Place:
    return Place(row["id"], row["kind"], _name(row), row["parent"], row["code"], row["attrs"])


def _organisation_row(organisation: Organisation) -> Row:
    return {
        "id": organisation.id,
        "kind": organisation.kind,
        "name_zh": organisation.name.zh,
        "name_en": organisation.name.en,
        "place": organisation.place,
        "phone": organisation.phone,
        "attrs": organisation.attrs,
    }


def _organisation(row: Row) -> Organisation:
    return Organisation(row["id"], row["kind"], _name(row), row["place"], row["phone"], row["attrs"])


_CONTRACT: Final = ("id", "organisation", "compounds", "valid_from", "valid_until", "role", "filed")


def _contract_row(contract: Contract) -> Row:
    return {name: getattr(contract, name) for name in _CONTRACT}


def _contract(row: Row) -> Contract:
    return Contract(**{name: row[name] for name in _CONTRACT})


_DEVICE: Final = (
    "id", "kind", "compound", "place", "type", "zone", "gateway", "period_s", "model", "in_service", "overrides",
    "attrs",
)  # fmt: skip


def _device_row(device: Device) -> Row:
    plain = {name: getattr(device, name) for name in _DEVICE}
    return plain | {"name_zh": device.name.zh, "name_en": device.name.en}


def _device(row: Row) -> Device:
    return Device(name=_name(row), **{name: row[name] for name in _DEVICE})


_TABLES: Final = (places, organisations, contracts, devices, overrides)
