"""What each part of a recipe is worth: tables of variants, the work they come to, and what came of it."""
