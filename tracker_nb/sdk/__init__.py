"""What user code holds while a run is live."""
