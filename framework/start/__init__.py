"""A lab to begin with: one reward, one env, one recipe, one test. `limner new my_lab` writes it for you to change."""
