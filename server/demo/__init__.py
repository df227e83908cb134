"""A synthetic population and the phones that send it through the door."""
