"""What makes flows run: one process with everything in it, or (later) Prefect's deployments."""
