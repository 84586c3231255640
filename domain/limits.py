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
BATCH_MESSAGES_MAX: Final = 1_000
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
ORDER_ALERTS_MAX: Final = 500
"""Alerts of one work order; what comes after makes another."""
ORDER_RETURNS_MAX: Final = 2
"""A work order that was returned so often is decided about from above (domain.md §5.2)."""
ORDER_RESTARTS_MAX: Final = 6
"""So often the time to accept and to arrive begins anew because the order went to somebody else; then it runs on."""
SUSPENSION_MS_MAX: Final = 7 * 86_400_000
"""Clocks of a work order stand still for seven days at most, all suspensions together."""
CALENDAR_BYTES_MAX: Final = 262_144
"""Bytes of a working calendar."""
CLOSED_ORDERS_KEPT_MAX: Final = 2_000
"""Closed work orders kept at hand, to be reopened or called back about; older ones are in the store."""
SCOPES_KEPT_MAX: Final = 256
"""Views of the registry kept at hand, one for each scope that somebody has."""
ADDRESS_CHARS_MAX: Final = 300
"""Of a request's address, as kept with a refusal."""
REFUSALS_PER_MINUTE_MAX: Final = 30
"""Of one person; each is journalled, and one who is refused more often waits."""
PASSWORD_CHARS_MIN: Final = 10
"""Of a password that people choose themselves."""
CONTACTS_MAX: Final = 10
PERSON_PLACES_MAX: Final = 200
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
EVIDENCE_BYTES_MAX: Final = 12 * 1_048_576
"""Of a photo as uploaded."""
EVIDENCE_PIXELS_MAX: Final = 60_000_000
EVIDENCE_SIDE_MAX: Final = 2_560
"""Pixels on the longer side of a photo as kept."""
EVIDENCE_PER_ORDER_MAX: Final = 40
PHOTOS_AT_ONCE_MAX: Final = 2
"""Photos unfolded at the same time: each takes up to 180 MB while it is looked at."""
REQUEST_BYTES_MAX: Final = 1_048_576
STREAMS_MAX: Final = 200
"""Live streams at once; each console in a browser needs one."""
STREAM_BACKLOG_MAX: Final = 2_000
"""Changes a client may be behind before it is told to fetch the board anew."""
STREAM_BATCH_MS: Final = 100
"""At most ten batches a second to each client (console.md §13)."""
SESSION_HOURS: Final = 12
SIGN_IN_FAILURES_MAX: Final = 8
"""Failed sign-ins from one address within ten minutes before it must wait."""
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

# --- sessions and live streams --------------------------------------------------------------------------------------
SIGN_IN_WINDOW_MS: Final = 10 * 60_000
"""How long a failed sign-in counts."""
SIGN_IN_SUSPECTS_MAX: Final = 10_000
"""Addresses and names whose failed sign-ins are remembered; the oldest are forgotten first."""
SIGN_INS_AT_ONCE_MAX: Final = 2
"""Password checks are slow on purpose: more at once would take the processor from the station."""
SIGN_INS_WAITING_MAX: Final = 32
SESSIONS_ENDED_MAX: Final = 10_000
"""Signed-out sessions remembered until their cookies expire by themselves."""
SIGN_IN_NAME_FAILURES_MAX: Final = 10 * SIGN_IN_FAILURES_MAX
"""Failed sign-ins for one name from anywhere before addresses that are new to it are slowed down."""
SIGN_IN_SLOW_MS: Final = 10_000
"""What a slowed-down name must be left alone for before an address that is new to it may try again."""
SIGN_IN_TRUST_MS: Final = 12 * 3_600_000
"""How long a right password keeps the mistakes of others from being held against the same name at the same address."""
PASSWORD_CHARS_MAX: Final = 256
LABEL_CHARS_MAX: Final = 100
COMMAND_CHARS_MAX: Final = 64
"""A client's id of a command."""
COMMAND_WAIT_S_MAX: Final = 30.0
"""How long a request waits for the station: longer than it tries to write the journal."""
BATCHES_SHARED_MAX: Final = 8
"""Encoded stream batches kept for clients at the same position."""

# --- rules ----------------------------------------------------------------------------------------------------------
PACK_DEPTH_MAX: Final = 24
"""Nesting of a pack file; the deepest shipped rule needs eleven levels."""
PACK_NODES_MAX: Final = 200_000
"""Scalars, lists and maps in one pack file: refuses files made to exhaust memory."""
PACK_ERRORS_MAX: Final = 200
"""Errors collected before a broken pack is given up."""
CONDITIONS_PER_RULE_MAX: Final = 64
RULE_SOURCES_MAX: Final = 64
"""(device, condition) pairs a co-occurrence remembers within its window; it needs two or three to decide."""
RULE_COUNT_MAX: Final = 100
"""Largest `at_least` of a count; that many instants are remembered."""
RULE_RATE_STEPS: Final = 64
"""A rate of change looks at its window in so many steps at most: bounds its memory and its work for each reading."""
RULE_WINDOW_S_MAX: Final = 400 * 86_400
"""Longest hold, window or silence a rule may ask for."""
RULES_CACHED_MAX: Final = 50_000
"""Distinct (kind, type, parameters) compilations kept; a district needs a few hundred, plus one for each due date."""
TIMELINE_STEPS_MAX: Final = 100_000
"""Readings in one rule test."""

# --- alert lifecycle ------------------------------------------------------------------------------------------------
ACK_DUE_MS: Final[dict[int, int]] = {1: 60_000, 2: 120_000, 3: 600_000}
"""Severity → how long after it rings an alert should be acknowledged: the seat's target, well inside the "Accept"
clocks of domain.md §5.3, which belong to the work order. Severity 4 has none: it is read in the daily digest."""
FLAP_TRANSITIONS: Final = 5
"""So many raises and returns of one slot within `FLAP_WINDOW_MS` are flapping (domain.md §5.4)."""
FLAP_WINDOW_MS: Final = 3_600_000
"""Flapping ends after so long without a transition."""
ALERT_MARKS_MAX: Final = 64
"""Sources whose last finding is remembered with an alert; a zone holds fewer devices, the oldest go first."""
CLOSED_ALERTS_KEPT_MAX: Final = 2_000
"""Closed alerts the engine still knows, so that a command that comes too late is told who was first."""
COMMANDS_KEPT_MAX: Final = 20_000
"""Client command ids remembered, so that a repeated command has the effect of one."""
MAINTENANCE_WINDOWS_MAX: Final = 5_000
"""Windows open at once; far more than compounds under work."""
LIVENESS_OVERDUE_PERIODS: Final = 2.5
"""A device silent for longer than so many reporting periods is overdue."""
LIVENESS_OFFLINE_PERIODS: Final = 5.0
"""… and offline after so many, but never before `LIVENESS_OFFLINE_MS_MIN`."""
LIVENESS_OFFLINE_MS_MIN: Final = 300_000
INHIBITION_GRACE_MS_MIN: Final = 60_000
"""After a gateway is back, its devices have 2.5 periods, at least this long, to speak before their alerts ring."""

# --- the time series ------------------------------------------------------------------------------------------------
TELEMETRY_SEGMENT_BYTES_MAX: Final = 8 * 1_048_576
"""A file of the telemetry log; bounds what is read into memory at a start."""
TELEMETRY_LOAD_READINGS: Final = 32_000
"""Readings that wait in the log before they are loaded into the database at once: enough to make the load cheap."""
TELEMETRY_LOAD_MS: Final = 5_000
"""… or for how long the oldest has waited."""
TELEMETRY_PENDING_READINGS_MAX: Final = 200_000
"""Readings in the log but not yet in the database (about 60 MB); beyond it `append` waits, then is Unavailable."""
TELEMETRY_PENDING_WAIT_S: Final = 5.0
TELEMETRY_REPLAY_READINGS_MAX: Final = 20_000
"""Readings a replay holds in memory at once; a single larger batch is held whole."""
TELEMETRY_CHECKPOINT_READINGS: Final = 150_000
"""Loaded readings after which the database file is brought up to date and the log let go: seldom enough to be cheap,
few enough for `telemetry_memory_mb` and for a start after a crash, which loads them from the log again (about 1 s)."""
LAST_VALUES_CACHED_MAX: Final = 2_000
"""Devices whose newest values are kept in memory; the least recently asked for go first."""
IMPORT_PROBLEMS_MAX: Final = 200
"""Problems listed in one import report; more are counted only."""
IMPORT_UNPACKED_BYTES_MAX: Final = 128 * 1_048_576
"""What the parts of a workbook may unpack to: far more than `IMPORT_ROWS_MAX` rows need, far less than a zip bomb."""
IMPORT_COLUMNS_MAX: Final = 200
IMPORT_CELL_CHARS_MAX: Final = 16_384
"""An attribute list as JSON; a spreadsheet's own cells end at 32,767."""
IMPORT_PARTS_MAX: Final = 1_000
"""Files inside a workbook; a plain one has about twelve."""
IMPORT_DEPTH_MAX: Final = 40
"""Levels of nesting in YAML and JSON; the format needs about six."""

# --- the outbox -----------------------------------------------------------------------------------------------------
OUTBOX_LEASE_MS: Final = 30_000
"""How long a claimed intent stays out of sight: longer than any channel takes to answer."""
OUTBOX_DONE_KEPT_MS: Final = 7 * 86_400_000
"""How long settled intents are kept, for explaining; the journal keeps the facts for ever."""
OUTBOX_DEAD_KEPT_MS: Final = 90 * 86_400_000
"""How long intents that were given up stay in sight."""
TOKENS_PER_USER_MAX: Final = 100
"""Personal API tokens of one user; beyond it an old one must be revoked first."""

# --- restart --------------------------------------------------------------------------------------------------------
COMMAND_MEMORY_MS: Final = 86_400_000
"""Commands journalled since so long ago are remembered over a restart, so that a repeated one has no second effect."""

# --- simulators -----------------------------------------------------------------------------------------------------
SIM_GATEWAY_CONNECTIONS_MAX: Final = 40
"""Up to so many gateways each have a connection, and so a Last Will, of their own; more of them share a pool."""
SIM_INFLIGHT_MAX: Final = 200
"""Unacknowledged packets of one simulated gateway."""
SIM_QUEUE_MAX: Final = 2_000
"""Packets that a simulated gateway keeps while the broker is away; newer ones are lost, as in the field."""
LOAD_INFLIGHT_MAX: Final = 16_000
"""Unacknowledged packets of the load publisher: below the 65,535 packet ids of MQTT, wide enough to hide commits."""
SIM_TRUTHS_MAX: Final = 1_000
"""Incidents that a simulated world remembers; an endless show forgets the oldest that are over."""
INHIBITION_RETURN_MS: Final = 900_000
"""A device heard again has so long for its alert to return, or else it rings after all: thrice the usual 5 min."""
SUPERSEDED_GRACE_MS: Final = 60_000
"""After the alert that spoke for it has returned, another one has so long to return too before it rings."""

# --- while the time series cannot be written ------------------------------------------------------------------------
BATCHES_UNSTORED_MAX: Final = 1_000
"""Batches judged and not stored while the disk takes nothing, instead of `BATCHES_IN_FLIGHT_MAX`: an alert never waits
for bulk storage. Their packets stay unacknowledged; beyond this, or `INFLIGHT_PACKETS_MAX` packets, judging stops."""
UNSTORED_READINGS_MAX: Final = 100_000
"""… or so many readings in them (about 60 MB)."""
UNSTORED_LINGER_MS_MAX: Final = 1_000
"""How long a part-filled batch waits for company at most then. It grows with the batches that are waiting already, so
that the first alerts come at once and a thousand batches last for a quarter of an hour."""

# --- scenarios ------------------------------------------------------------------------------------------------------
SCENARIO_BYTES_MAX: Final = 131_072
"""A scenario file, as written by people."""
SCENARIO_NODES_MAX: Final = 10_000
"""Values in a scenario file."""
SCENARIO_DEPTH_MAX: Final = 12
"""Nesting of a scenario file; ours need six."""
SCENARIO_ERRORS_MAX: Final = 100
"""Errors told of one scenario file; beyond them mending the first ones helps more."""
SCENARIO_STEPS_MAX: Final = 5_000
"""Things that happen in one scenario, each repetition and those of all included ones counted."""
SCENARIO_INCLUDES_MAX: Final = 50
"""Scenarios included by one, directly and through others."""
SCENARIO_LASTS_S_MAX: Final = 31 * 86_400
"""Virtual time of one scenario: a month."""

# --- forms of vendors -----------------------------------------------------------------------------------------------
EVENTS_PER_READING_MAX: Final = 16
"""Codes in one record of a vendor's message that are taken; more are not."""
FORM_STEPS_MAX: Final = 12
"""Names in a path of a mapping file."""
FORMS_MAX: Final = 200
"""Mapping files in use."""
SIM_GATEWAY_KEEPS_MAX: Final = 5_000
"""Packets that a simulated gateway keeps while it is cut off; then the oldest are lost."""
SIM_ORDERS_MAX: Final = 100
"""Orders to a running simulator that wait to be obeyed; then the next ones are not read."""
SIM_RUNS_MAX: Final = 100
"""Scenarios played in one life of a simulator that can be looked at; then the oldest are forgotten."""
SIMULATION_ANSWER_S_MAX: Final = 5.0
"""How long the drill panel waits for the simulator."""
LOAD_DEVICES_MAX: Final = 100_000
"""Devices of a simulated load."""
