"""What we know: customers, events, consents, segments, journeys and the touch ledger. SQL lives here and nowhere else."""
