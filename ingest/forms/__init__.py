"""Forms of vendors, as mapping files: how what they send is understood (docs/ingest.md)."""
