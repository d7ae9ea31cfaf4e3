"""What rewards, masks and frames cost, against the code that others would write. `limner bench` runs these."""
