"""What can be seen: geometry with a frame of reference, frames, pixels."""
