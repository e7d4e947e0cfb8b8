"""What a run reports, as bytes: records, how they lie in a file, writing and reading them. Knows nothing of SQL."""
