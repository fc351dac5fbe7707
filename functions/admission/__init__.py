"""Who may publish or watch, where, and the grant that says so."""
