"""The database that journals and commands have been applied to."""
