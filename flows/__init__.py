"""What we do: Prefect flows, thin over plain functions. Prefect is imported here and nowhere else."""
