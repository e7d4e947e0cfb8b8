"""tracker_nb inside IPython: magics, the cells that ran, what is shown under them. Imported only where cells are run."""
