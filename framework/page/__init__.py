"""What the page of a run shows: gathered by the files in Python, drawn by the scripts of the same names."""
