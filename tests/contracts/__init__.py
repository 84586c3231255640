"""Promises of the ports, held against every implementation."""
