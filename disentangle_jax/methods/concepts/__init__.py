"""Systems that ground symbols in what is seen, and combine them."""
