"""The rule packs that come with Anju, and their tests beside them. Data only."""
