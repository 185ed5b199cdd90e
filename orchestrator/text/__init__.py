"""Pure functions on text: its sentences, its tokens, and how it reads when quoted."""
