"""Work orders (派单): their life, their clocks, and who must come when nobody does. Pure."""
