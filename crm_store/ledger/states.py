"""The states of a touch, and which of them let its journey go on."""

DUE = "due"
CLAIMED = "claimed"
DISPATCHED = "dispatched"
SENT = "sent"
SKIPPED = "skipped"
CANCELLED = "cancelled"
FAILED = "failed"
IN_DOUBT = "in_doubt"

STATES = (DUE, CLAIMED, DISPATCHED, SENT, SKIPPED, CANCELLED, FAILED, IN_DOUBT)
# The journey goes on after these; after `failed` only where the step says `on_error: continue`.
PASSED = (SENT, IN_DOUBT, SKIPPED, CANCELLED)
