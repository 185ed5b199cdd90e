"""What documents say of one another: their names, mentions of these, and walks along them."""
