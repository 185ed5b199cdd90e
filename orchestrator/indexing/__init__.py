"""Documents in, index out: scan, plan, read, split, embed, write, publish."""
