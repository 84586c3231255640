"""Rules: what counts as trouble. Packs are data; kinds of condition are one file each and a line in `KINDS`."""
