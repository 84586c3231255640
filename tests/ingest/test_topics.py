"""The topic grammar, both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Invalid
from domain.kinds import KINDS
from ingest.outcomes import Outcome, Refusal
from ingest.topics import CHANNELS, Topic, build, parse

ids = st.text("abcXYZ019_-", min_size=1, max_size=64)


@given(ids, st.sampled_from(sorted(KINDS)), ids, st.sampled_from(CHANNELS))
def test_what_is_built_is_parsed_back(compound, kind, device, channel):
    assert parse(build(compound, kind, device, channel).encode()) == Topic(compound, kind, device, channel)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "must be anju/v1"),
        (b"anju/v1/c/elevator/d", "must be anju/v1"),
        (b"anju/v2/c/elevator/d/telemetry", "unknown version 'v2'"),
        (b"anju/v1/c/escalator/d/telemetry", "unknown kind 'escalator'"),
        (b"anju/v1/c/elevator/d/telemetri", "unknown channel 'telemetri'"),
        (b"anju/v1/c.1/elevator/d/telemetry", "ids must be"),
        (b"anju/v1/c/elevator//telemetry", "ids must be"),
        (b"anju/v1/c/elevator/" + b"d" * 65 + b"/telemetry", "ids must be"),
        ("anju/v1/小区/elevator/d/telemetry".encode(), "ASCII"),
        (b"anju/v1/" + b"x" * 600, "at most 512"),
    ],
)
def test_a_wrong_topic_is_told_what_is_wrong(raw, said):
    refusal = parse(raw)
    assert isinstance(refusal, Refusal)
    assert refusal.outcome is Outcome.WRONG_TOPIC
    assert said in refusal.detail


@given(
    st.one_of(st.binary(max_size=600), st.text(max_size=100).map(lambda t: f"anju/v1/{t}".encode("utf-8", "replace")))
)
def test_no_bytes_make_the_parser_raise(raw):
    found = parse(raw)
    assert isinstance(found, Topic) or found.outcome is Outcome.WRONG_TOPIC


def test_a_topic_of_a_malformed_id_cannot_be_built():
    with pytest.raises(Invalid):
        build("c/1", "elevator", "d", "telemetry")
    with pytest.raises(ValueError, match="escalator"):
        build("c1", "escalator", "d", "telemetry")
