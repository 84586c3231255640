"""The revisions, oldest number first."""
