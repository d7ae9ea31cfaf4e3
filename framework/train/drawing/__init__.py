"""How a policy that draws is trained: its pen inside the engine, its masks on their way, its losses."""
