"""The synthetic video world, its players and the tiny random reasoner: what the quickstart and the tests run on."""
