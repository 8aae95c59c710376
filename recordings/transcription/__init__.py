"""Speech to text: an engine behind a port, both sides of a conversation apart, in processes of their own."""
