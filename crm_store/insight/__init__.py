"""What the store tells: views over customers, events and the ledger, for people."""
