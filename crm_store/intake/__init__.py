"""Taking in customers, events and products: streamed, set-based, idempotent; what can't be taken is set aside."""
