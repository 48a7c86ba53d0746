"""Faults of networks, servers, scripts and processes, each with its test."""
