"""Every cap in the system, with the reason for its size. Nothing in Anju grows without one of these."""

from typing import Final

# --- what a device may send -----------------------------------------------------------------------------------------
TOPIC_BYTES_MAX: Final = 512
"""Five levels of ids of at most 64 characters fit three times over."""
PAYLOAD_BYTES_MAX: Final = 65_536
"""A back-fill of a few hundred readings; a GB/T 26875.3 frame is at most 1,054 bytes."""
READINGS_PER_MESSAGE_MAX: Final = 500
"""A day of 5-minute values is 288."""
ID_CHARS_MAX: Final = 64
EVENT_RAW_CHARS_MAX: Final = 4_096
"""Two hexadecimal characters for each byte of the longest GB/T 26875.3 frame, with room."""

# --- event time -----------------------------------------------------------------------------------------------------
FUTURE_MS_MAX: Final = 5 * 60_000
"""Readings further in the future than this are kept aside, not judged (domain.md §8)."""
SKEW_WARN_MS: Final = 300_000
"""A device whose clock differs by more is reported (SY-01)."""
LATE_MS_MAX: Final = 2 * 3_600_000
"""Out-of-order tolerance (domain.md §8): older readings are stored and flagged, never judged."""
FRESH_MS_MAX: Final = 10 * 60_000
"""Nobody is called for history older than this (domain.md §3.5)."""
EVENT_TIME_MS_MIN: Final = 1_577_836_800_000
"""2020-01-01T00:00Z: anything earlier is a clock that was never set."""

# --- ingest ---------------------------------------------------------------------------------------------------------
BATCH_MESSAGES_MAX: Final = 2_000
"""One durable commit carries at most this many packets."""
BATCH_LINGER_MS: Final = 5
"""A batch never waits longer than this for company."""
BATCHES_IN_FLIGHT_MAX: Final = 4
"""Batches handed to the station and not yet answered; further packets stay with the broker, unacknowledged."""
INFLIGHT_PACKETS_MAX: Final = 30_000
"""The widest receive window that the embedded broker accepts (65,535 makes its SUBSCRIBE fail)."""
SEQ_GAP_TRACKED_MAX: Final = 4_096
"""Missing sequence numbers remembered for each device, to tell a late packet from a duplicate."""
RECENT_DIGESTS_MAX: Final = 256
"""Payload digests remembered for each device that sends no sequence number."""
REORDER_WAIT_MS: Final = 6_000
"""After a reconnect, how long a reading beyond a sequence gap waits for the redelivered ones before it."""
REORDER_READINGS_MAX: Final = 20_000
"""Readings held back for order after a reconnect; beyond it they are judged as they come."""
DEAD_LETTER_BYTES_MAX: Final = 4_096
"""Bytes of a refused packet that are kept as evidence."""
DEAD_LETTERS_MAX: Final = 100_000
"""Rows kept; the oldest go first."""

# --- the station ----------------------------------------------------------------------------------------------------
INBOX_DEPTH_MAX: Final = 4_096
"""Inputs waiting for the one writer; a full inbox answers Unavailable."""
OCCURRENCES_KEPT_MAX: Final = 50
"""Occurrences listed in an alert; more are counted only."""
EVIDENCE_SAMPLES_MAX: Final = 60
"""Samples of a rule's window kept as evidence with an alert."""
TREND_POINTS_MAX: Final = 12
"""Points of the small curve in an alert row."""
NOTE_CHARS_MAX: Final = 2_000
OPEN_ALERTS_MAX: Final = 50_000
"""A district in flood holds fewer; beyond it, severity 3 and 4 are counted but not opened."""
SHELVE_MS_MAX: Final = 8 * 3_600_000
"""Shelving returns by itself after a shift at the latest (console.md §0)."""
MAINTENANCE_MS_MAX: Final = 7 * 86_400_000
CHECKPOINT_EVERY_MS: Final = 30_000
"""Bounds what is replayed after a crash."""
CHECKPOINT_READINGS_MAX: Final = 500_000
"""A checkpoint is also taken after this many readings."""

# --- doors ----------------------------------------------------------------------------------------------------------
SERIES_POINTS_MAX: Final = 1_500
PAGE_ROWS_MAX: Final = 500
PAGE_ROWS_DEFAULT: Final = 100
REQUEST_BYTES_MAX: Final = 1_048_576
STREAMS_MAX: Final = 200
"""Live streams at once; each console in a browser needs one."""
STREAM_BACKLOG_MAX: Final = 2_000
"""Changes a client may be behind before it is told to fetch the board anew."""
STREAM_BATCH_MS: Final = 100
"""At most ten batches a second to each client (console.md §13)."""
SESSION_HOURS: Final = 12
SIGN_IN_FAILURES_MAX: Final = 8
"""Failed sign-ins from one address or for one name within ten minutes before it must wait."""
IMPORT_BYTES_MAX: Final = 32 * 1_048_576
IMPORT_ROWS_MAX: Final = 200_000
PACK_BYTES_MAX: Final = 1_048_576
RULES_MAX: Final = 1_000

# --- dispatch -------------------------------------------------------------------------------------------------------
OUTBOX_CLAIM_MAX: Final = 200
SEND_ATTEMPTS_MAX: Final = 8
COMMIT_RETRY_S_MAX: Final = 20.0
"""How long the station tries to write the journal before it stops: longer than any backup holds the file."""

# --- ingest memory and the embedded broker --------------------------------------------------------------------------
BATCH_READINGS_MAX: Final = 20_000
"""Readings in one batch: packets may carry arrays, and one commit must stay short."""
GATE_BOOTS_MAX: Final = 4
"""Boots (counting periods) remembered for each device; packets of older ones are taken for new."""
FRAME_BYTES_MAX: Final = 131_072
"""An MQTT packet larger than this is not gathered in memory: its head is kept as evidence, the rest skipped."""
TOPICS_CACHED_MAX: Final = 400_000
"""Topics remembered as parsed: three channels of every device of a large deployment. Then the memory starts anew."""
BROKER_STORE_BYTES_MAX: Final = 4 * 1_073_741_824
"""Disk the embedded broker may use for messages that Anju has not acknowledged."""
BROKER_PAYLOAD_BYTES_MAX: Final = 1_048_576
"""The embedded broker disconnects a publisher that sends more; up to here Anju itself refuses and keeps evidence."""
