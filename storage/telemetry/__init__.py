"""The time series: every reading, in the order of its arrival, with the questions asked of it."""
