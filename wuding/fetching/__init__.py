"""Open inputs for a place, fetched over the internet: the only part of the program that opens a connection."""
