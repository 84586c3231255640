"""Device kinds describe their signals once."""

import msgspec
import pytest

from domain.kinds import KINDS, ElevatorValues


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_every_signal_has_labels_and_every_number_a_range(kind):
    assert set(kind.signals) == {field.name for field in msgspec.structs.fields(kind.values)}
    for signal in kind.signals.values():
        assert signal.zh
        assert signal.en
        assert signal.type in {"number", "integer", "boolean"}
        if signal.type != "boolean":
            assert signal.low < signal.high


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_a_value_outside_its_physical_range_does_not_decode(kind):
    for signal in kind.signals.values():
        if signal.type != "boolean":
            with pytest.raises(msgspec.ValidationError, match=signal.name):
                msgspec.json.decode(msgspec.json.encode({signal.name: signal.high + 1}), type=kind.values)


def test_a_missing_value_is_unknown_and_an_unknown_key_is_an_error():
    assert msgspec.json.decode(b"{}", type=ElevatorValues).speed is None
    with pytest.raises(msgspec.ValidationError, match="sped"):
        msgspec.json.decode(b'{"sped": 1}', type=ElevatorValues)
