"""To come. Pure."""
