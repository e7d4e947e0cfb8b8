"""Every panel's Vega-Lite specification, written with Altair, and the colours of runs. Reads no data: rows are handed in."""
