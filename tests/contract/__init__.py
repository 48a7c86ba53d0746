"""The embedded server and real ones, compared by what they say to the same cases."""
