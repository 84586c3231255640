"""Floor 4: the house services: settings, wiring, the station, command line."""
