"""What is said: the grammar of replies, and observations as messages."""
