"""One person, one record: people made from a seed, and how well their duplicates are found."""
