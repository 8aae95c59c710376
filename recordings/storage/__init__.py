"""Where sealed recordings lie, and the keys that they are sealed with."""
