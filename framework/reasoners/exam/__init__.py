"""What a family must do right, check by check; framework/reasoners/conformance.py holds a reasoner to all of them."""
