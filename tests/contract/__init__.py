"""Compare the embedded server with real servers by their answers to the same cases."""
