"""How values look as items of the two tables: one module an item, and the only ones that know attribute names."""
