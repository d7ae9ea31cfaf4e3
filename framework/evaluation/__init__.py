"""A recipe's held-out tasks: who plays them, how, how good everyone is, and what training gained."""
